"""A client that is not Python asks the same server."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.wire.conftest import serving

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples" / "node"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node is not installed")
    home = Path(shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("node") / "example", dirs_exist_ok=True))
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        pytest.skip(f"its packages cannot be had here: {done.stderr[-300:]}")
    return home


def ask(client, *args):
    command = ["node", "client.mjs", *args]
    env = {**os.environ, "NBA_PROTO": str(ROOT / "proto")}
    return subprocess.run(command, cwd=client, capture_output=True, text=True, timeout=60, check=False, env=env)


def test_a_node_client_gets_an_answer_for_each_channel(client, bundle, tmp_path):
    with serving(bundle, tmp_path) as server:
        done = ask(client, f"127.0.0.1:{server.port}", "anna", "email", "web")

    assert done.returncode == 0, done.stderr
    assert [answer["channel"] for answer in json.loads(done.stdout)["channels"]] == ["email", "web"]


def test_a_node_client_reads_why_it_was_refused(client, bundle, tmp_path):
    with serving(bundle, tmp_path) as server:
        done = ask(client, f"127.0.0.1:{server.port}", "anna", "emial")

    assert done.returncode == 1
    assert "channels[0].channel: unknown channel 'emial'; did you mean 'email'?" in done.stderr
