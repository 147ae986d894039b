"""What the documents say is there, is there."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import app
from engine.journal.schema import COLUMNS, KINDS
from engine.serve.limits import Limits

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
def test_every_limit_is_documented(name):
    assert f"| `{name}` |" in (ROOT / "docs" / "limits.md").read_text()


def commands_in(text):
    return sorted(set(re.findall(r"^nba ((?:import |customer |models |journal )?[a-z]+)", text, re.MULTILINE)))


@pytest.mark.parametrize("command", commands_in(README))
def test_every_command_of_the_readme_exists(command):
    asked = [sys.executable, "-m", "engine.cli", *command.split(), "--help"]
    done = subprocess.run(asked, capture_output=True, check=False)

    assert done.returncode == 0


def test_every_command_stands_in_the_readme():
    names = {info.name or info.callback.__name__ for info in app.registered_commands}
    names |= {group.name for group in app.registered_groups}

    assert names == {command.split()[0] for command in commands_in(README)}


@pytest.mark.parametrize("target", re.findall(r"^make ([a-z]+)", README, re.MULTILINE))
def test_every_target_of_the_readme_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


PATHS = r"`((?:engine|models|rules|proto|training|tests|benchmarks|examples|docs)/[\w./]*)`"


@pytest.mark.parametrize("path", sorted(set(re.findall(PATHS, README))))
def test_every_path_of_the_readme_exists(path):
    assert (ROOT / path).exists()


def named_below(folder):
    """The files that the code map names in the table of a folder."""
    return set(re.findall(r"`([\w/]+\.py)`", README.partition(f"\n`{folder}/`")[2].partition("\n\n`")[0]))


@pytest.mark.parametrize("folder", ["engine/decide", "models", "engine/serve", "engine/store", "engine/journal"])
def test_the_code_map_names_every_file_of_a_folder_that_it_lists(folder):
    there = {file.name for file in (ROOT / folder).glob("*.py") if file.stem not in ("__init__", "errors")}

    assert {name for name in named_below(folder) if "/" not in name} == there
    assert [name for name in named_below(folder) if not (ROOT / folder / name).exists()] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_of_the_journal_is_documented(kind):
    text = (ROOT / "docs" / "journal.md").read_text()

    assert f"`{kind}`" in text
    assert [name for name in COLUMNS[kind] if f"`{name}`" not in text] == []
