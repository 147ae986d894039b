"""The house stands as the code map says."""

import itertools
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_proto_is_a_source_root_and_never_a_package():
    assert list((ROOT / "proto").rglob("__init__.py")) == []


def test_every_field_and_enum_value_of_the_contract_has_a_comment_above_it():
    bare = []
    for file in (ROOT / "proto").rglob("*.proto"):
        lines = [line.strip() for line in file.read_text().splitlines()]
        for above, line in itertools.pairwise(lines):
            if line.endswith(";") and " = " in line and not above.startswith("//"):
                bare.append(f"{file.name}: {line}")
    assert [line for line in bare if "syntax" not in line] == []
