"""YAML with places: plain values, and where each of them stands."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from engine.decide.faults import Fault, unknown

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times faster
OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
NESTING = 32
MOST = sys.float_info.max  # a whole number of YAML may be larger
Path = tuple[str | int, ...]


@dataclass
class Source:
    """One parsed file.

    Args:
        file: its name in the bundle.
        value: the plain value; an empty mapping when it could not be read.
        places: path inside the value -> (line, column), both from 1.
        faults: everything wrong with the file, collected while it is read.
    """

    file: str
    value: Mapping[str, object] = field(default_factory=dict)
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, path: Path, message: str, line: int = 0, column: int = 0) -> None:
        """Note a fault at `path`, or at the nearest place above it; `line`, `column` count on from there."""
        at = self.place(path)
        self.faults.append(Fault(self.file, at[0] + line, at[1] + column, message))

    def place(self, path: Path) -> tuple[int, int]:
        """Line and column of `path`, or of the nearest place above it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))

    def text(self, path: Path, value: object) -> str:
        """`value` as text, a fault unless it is a non-empty string."""
        if isinstance(value, str) and value:
            return value
        self.fault(path, f"{self._called(path)} must be a non-empty text")
        return ""

    def present(self, path: Path, value: object) -> bool:
        """Whether there is a value, a fault unless there is: what stands there empty was meant to say something."""
        if value is None:
            self.fault(path, f"{self._called(path)} is empty; fill it or leave it out")
        return value is not None

    def number(self, path: Path, value: object) -> float:
        """`value` as a number, a fault unless it is one."""
        if isinstance(value, (int, float)) and not isinstance(value, bool) and -MOST <= value <= MOST:
            return float(value)
        self.fault(path, f"{path[-1]} must be a number, not {repr(value)[:40]}")
        return 0.0

    def mapping(self, path: Path, value: object) -> dict[str, object]:
        """`value` as a mapping, empty when absent, a fault when it is something else."""
        if value is None:
            return {}
        if isinstance(value, dict):
            return {str(key): inner for key, inner in value.items()}
        self.fault(path, f"{self._called(path)} must be a mapping of names to values")
        return {}

    def only(self, path: Path, entry: Mapping[str, object], known: set[str]) -> None:
        """A fault for each key that is not known."""
        for key in set(entry) - known:
            self.fault((*path, key), unknown("key", key, known))

    def _called(self, path: Path) -> str:
        if not path:
            return self.file
        return f"entry {path[-1] + 1} of {path[-2]}" if isinstance(path[-1], int) else path[-1]

    def items(self, path: Path, value: object) -> list[object]:
        """`value` as a list, empty when absent, a fault when it is something else."""
        if value is None or isinstance(value, list):
            return value or []
        self.fault(path, f"{path[-1]} must be a list")
        return []


def read_yaml(file: str, text: str | None) -> Source:
    """Read one file of a bundle without ever raising.

    Args:
        file: its name, for faults.
        text: its content; None when it is missing.
    """
    source = Source(file)
    if text is None:
        source.fault((), "the file is missing; a bundle needs it")
        return source
    try:
        _refuse_bombs(text)
        loader = LOADER(text)
        node = loader.get_single_node()
        value = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        source.fault((), f"not YAML: {error.problem}", mark.line if mark else 0, mark.column if mark else 0)
        return source
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        source.fault((), f"not YAML: {error}")
        return source
    if node is not None:
        _note(node, (), source)
    source.value = source.mapping((), value)
    return source


def _refuse_bombs(text: str) -> None:
    """Refuse references to earlier parts, nine lines of which unfold to gigabytes, and nesting without end."""
    depth = 0
    for token in yaml.scan(text, Loader=LOADER):
        depth += isinstance(token, OPENING) - isinstance(token, CLOSING)
        if depth > NESTING:  # libyaml itself would run out of stack
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {NESTING}", problem_mark=token.start_mark)
        if isinstance(token, yaml.AliasToken):
            raise yaml.MarkedYAMLError(problem="references (*name) are not read", problem_mark=token.start_mark)


def _note(node: yaml.Node, path: Path, source: Source) -> None:
    """Note where everything stands; a key that stands twice is a fault, the later one would silently win."""
    source.places[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            if inner in source.places:
                source.places[inner] = (key.start_mark.line + 1, key.start_mark.column + 1)
                source.fault(inner, f"'{key.value}' stands twice")
            _note(value, inner, source)
    if isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note(value, (*path, index), source)
