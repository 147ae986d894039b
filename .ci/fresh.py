"""Fail when the generated protobuf code or the lock file is not what the sources say."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def stale_protobuf() -> list[str]:
    """Generated files that differ from what the compiler writes now."""
    with tempfile.TemporaryDirectory() as out:
        sources = [str(p.relative_to(ROOT / "proto")) for p in sorted((ROOT / "proto").rglob("*.proto"))]
        outputs = [f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}"]
        command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", *outputs, *sources]
        subprocess.run(command, cwd=ROOT / "proto", check=True)  # noqa: S603  our own compiler, our own files
        made = [path for path in Path(out).rglob("*.py*") if path.is_file()]
        return [str(p.relative_to(out)) for p in made if p.read_text() != committed(p.relative_to(out))]


def committed(path: Path) -> str:
    """The committed text beside the sources, empty when there is none."""
    file = ROOT / "proto" / path
    return file.read_text() if file.exists() else ""


def names(text: str) -> set[str]:
    """Package names at the starts of the lines."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)
    return {name.lower().replace("_", "-") for name in found}


def unlocked() -> list[str]:
    """Direct dependencies that the lock file does not hold."""
    project = (ROOT / "pyproject.toml").read_text().split("[project.scripts]")[0]
    wanted = re.findall(r'"([A-Za-z0-9._-]+)(?:[><=][^"]*)?"', project.split("dependencies = [", 1)[1])
    locked = names((ROOT / "requirements.lock").read_text())
    return [name for name in wanted if name.lower().replace("_", "-") not in locked]


def main() -> int:
    """Print every fault; 1 when there is one."""
    faults = [f"proto/{path} is stale: run `make proto`" for path in stale_protobuf()]
    faults += [f"{name} is not in requirements.lock: run `make lock`" for name in unlocked()]
    print("\n".join(faults) or "generated code and lock file are current")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
