"""Fail when the generated protobuf code or the lock file is not what the sources say."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INPUTS = ("pyproject.toml", ".ci/build.in")


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


def stale_lock() -> bool:
    """Whether resolving the dependencies again, with the locked versions preferred, would change the lock file."""
    locked = ROOT / "requirements.lock"
    with tempfile.TemporaryDirectory() as out:
        fresh = Path(out) / "requirements.lock"
        shutil.copy(locked, fresh)
        options = ["--universal", "--generate-hashes", "--no-emit-index-url", "--no-header", "--all-extras"]
        command = ["uv", "pip", "compile", "-q", *options, "--python-version", "3.11", *INPUTS, "-o", str(fresh)]
        env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        subprocess.run(command, cwd=ROOT, check=True, env=env)  # noqa: S603  the tool that wrote it
        return fresh.read_text() != locked.read_text()


def main() -> int:
    """Print every fault; 1 when there is one."""
    faults = [f"proto/{path} is stale: run `make proto`" for path in stale_protobuf()]
    faults += ["requirements.lock is not what pyproject.toml asks for: run `make lock`"] if stale_lock() else []
    print("\n".join(faults) or "generated code and lock file are current")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
