"""Files and functions stay small; imports run one way; the first command is quick."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("engine", "models", "rules", "training", "benchmarks")
FILES = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
LINES_OF_FILE, LINES_OF_FUNCTION, PARAMETERS = 300, 40, 5
COMMANDS = "engine/cli.py"  # options are parameters there


def functions(file):
    tree = ast.parse(file.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def place(file, node):
    return f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"


def test_no_file_is_long(record_property):
    sizes = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in FILES}
    record_property("largest", sorted(sizes.items(), key=lambda item: -item[1])[:5])

    assert {name: size for name, size in sizes.items() if size > LINES_OF_FILE} == {}


def test_no_function_is_long(record_property):
    sizes = {place(file, node): node.end_lineno - node.lineno + 1 for file in FILES for node in functions(file)}
    record_property("largest", sorted(sizes.items(), key=lambda item: -item[1])[:5])

    assert {name: size for name, size in sizes.items() if size > LINES_OF_FUNCTION} == {}


def test_no_function_has_many_parameters():
    many = [
        place(file, node)
        for file in FILES
        for node in functions(file)
        if len([arg for arg in [*node.args.args, *node.args.kwonlyargs] if arg.arg != "self"]) > PARAMETERS
    ]

    assert [name for name in many if not name.startswith(COMMANDS)] == []


def test_imports_run_one_way():
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], cwd=ROOT, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize("heavy", ["numpy", "grpc", "lightgbm", "onnxruntime", "pandas", "lmdb", "cel_expr_python"])
def test_asking_for_help_loads_nothing_heavy(heavy):
    script = f"import sys, engine.cli; sys.exit({heavy!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
