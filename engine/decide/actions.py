"""The catalogue's file: one action a line, checked against the schema."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.decide.faults import Fault, unknown
from engine.decide.request import Scalar
from engine.decide.source import read_yaml
from engine.decide.values import parse

NEEDED = ("action_key", "objective", "group", "purposes", "value")
NAMES = ("action_key", "objective", "group", "purposes")
LONGEST = 128  # as the contract bounds names
OPTIONAL = ("start", "end", "cost", "lever", "channels", "tags")
FILE, YAML_FILE = "actions.csv", "actions.yaml"
FOREVER_MS = 2**62


@dataclass(frozen=True)
class Action:
    """Something we may propose, with its window, worth and message per channel."""

    key: str
    objective: str
    group: str
    purposes: tuple[str, ...]
    value: float
    cost: float = 0.0
    lever: float = 1.0
    start_ms: int = -FOREVER_MS
    end_ms: int = FOREVER_MS
    channels: tuple[str, ...] = ()
    messages: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    file: str = FILE
    line: int = 1


class _Line:
    """One action while it is read; every fault goes to `faults` with its place.

    Args:
        file: where it stands.
        number: its line.
        cells: column -> text.
        places: column -> line and column of the cell.
    """

    def __init__(self, file: str, number: int, cells: Mapping[str, str], places: Mapping[str, tuple[int, int]]) -> None:
        self.file, self.number, self.cells, self.places = file, number, cells, places
        self.faults: list[Fault] = []

    def fault(self, column: str, message: str) -> None:
        """Note a fault in a column."""
        self.faults.append(Fault(self.file, *self.places.get(column, (self.number, 1)), message))

    def text(self, column: str) -> str:
        """The cell; empty when there is none."""
        return (self.cells.get(column) or "").strip()

    def value(self, column: str, kind: str) -> Scalar | None:
        """The cell as a kind; None when it is empty or a fault."""
        text = self.text(column)
        try:
            return parse(kind, text) if text else None
        except ValueError as error:
            self.fault(column, f"{error}, in column '{column}'")
            return None

    def number_of(self, column: str, default: float) -> float:
        """The cell as a number."""
        value = self.value(column, "double")
        return value if isinstance(value, float) else default

    def moment_ms(self, column: str, default: int) -> int:
        """The cell as a moment in epoch milliseconds."""
        value = self.value(column, "timestamp")
        return value if isinstance(value, int) else default

    def words(self, column: str) -> tuple[str, ...]:
        """The cell's parts between semicolons."""
        return tuple(word.strip() for word in self.text(column).split(";") if word.strip())


def read_actions(
    texts: Mapping[str, str], kinds: Mapping[str, str], channels: Sequence[str]
) -> tuple[tuple[Action, ...], list[Fault]]:
    """Read the actions, sorted by key so that the file's order never matters.

    Args:
        texts: the bundle's files; one of `actions.csv` and `actions.yaml` is needed.
        kinds: action attributes of the schema and their types.
        channels: the bundle's channels.

    Returns:
        the actions, and every fault found.
    """
    if FILE in texts and YAML_FILE in texts:
        return (), [Fault(YAML_FILE, 1, 1, f"stands beside {FILE}; a bundle has one of them")]
    if FILE not in texts and YAML_FILE not in texts:
        return (), [Fault(FILE, 1, 1, "the file is missing; a bundle needs it")]
    lines, faults = (
        _from_csv(texts[FILE], kinds, channels) if FILE in texts else _from_yaml(texts[YAML_FILE], kinds, channels)
    )
    actions: dict[str, Action] = {}
    for line in lines:
        action = _action(line, kinds, channels)
        if action.key in actions:
            line.fault("action_key", f"action '{action.key}' stands twice; keys are unique")
        actions[action.key] = action
        faults.extend(line.faults)
    return tuple(actions[key] for key in sorted(actions)), faults


def _columns(kinds: Mapping[str, str], channels: Sequence[str]) -> set[str]:
    return {*NEEDED, *OPTIONAL, *kinds, *(f"message_{channel}" for channel in channels)}


def _from_yaml(text: str, kinds: Mapping[str, str], channels: Sequence[str]) -> tuple[list[_Line], list[Fault]]:
    """`actions:` and below it a list of mappings, with the same names as the columns of the CSV."""
    source = read_yaml(YAML_FILE, text)
    source.only((), source.value, {"actions"})
    known, made = _columns(kinds, channels), []
    for index, raw in enumerate(source.items(("actions",), source.value.get("actions"))):
        path = ("actions", index)
        entry = source.mapping(path, raw)
        source.only(path, entry, known)
        places = {name: source.place((*path, name)) for name in known}
        made.append(
            _Line(YAML_FILE, source.place(path)[0], {name: _cell(value) for name, value in entry.items()}, places)
        )
    return made, source.faults


def _cell(value: object) -> str:
    """A YAML value as the CSV would have it."""
    if isinstance(value, list):
        return ";".join(map(_cell, value))
    if isinstance(value, dict):
        return ";".join(f"{key}={_cell(item)}" for key, item in value.items())
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _from_csv(text: str, kinds: Mapping[str, str], channels: Sequence[str]) -> tuple[list[_Line], list[Fault]]:
    lines = _lines(text)
    columns = next(lines, (1, []))[1]
    faults = _header(columns, kinds, channels)
    made = []
    for number, cells in () if faults else lines:
        if len(cells) != len(columns):
            faults.append(Fault(FILE, number, 1, f"has {len(cells)} cells; the header has {len(columns)} columns"))
            continue
        places = {name: (number, at) for at, name in enumerate(columns, 1)}
        made.append(_Line(FILE, number, dict(zip(columns, cells, strict=True)), places))
    return made, faults


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line with its number; comments and empty lines are left out."""
    rows = csv.reader(io.StringIO(text), strict=False)
    start = 1
    for cells in rows:
        if cells and not cells[0].startswith("#"):
            yield start, cells
        start = rows.line_num + 1


def _header(columns: list[str], kinds: Mapping[str, str], channels: Sequence[str]) -> list[Fault]:
    if not columns:
        return [Fault(FILE, 1, 1, f"the file is empty; its first line names the columns: {', '.join(NEEDED)}, ...")]
    known = _columns(kinds, channels)
    faults = [Fault(FILE, 1, 1, f"column '{name}' is missing") for name in NEEDED if name not in columns]
    twice = [(index, name) for index, name in enumerate(columns) if name in columns[:index]]
    faults += [Fault(FILE, 1, 1 + index, f"column '{name}' stands twice") for index, name in twice]
    strange = [(index, name) for index, name in enumerate(columns) if name not in known]
    return faults + [Fault(FILE, 1, 1 + index, unknown("column", name, known)) for index, name in strange]


def _action(line: _Line, kinds: Mapping[str, str], channels: Sequence[str]) -> Action:
    for column in NAMES:
        text = line.text(column)
        if not text:
            line.fault(column, f"'{column}' is empty; every action needs one")
        if len(text.encode()) > LONGEST or not text.isprintable():
            line.fault(
                column, f"'{column}' has {len(text.encode())} bytes; at most {LONGEST} are allowed, all printable"
            )
    asked = line.words("channels") or tuple(channels)
    for channel in asked:
        if channel not in channels:
            line.fault("channels", unknown("channel", channel, channels))
    start_ms, end_ms = line.moment_ms("start", -FOREVER_MS), line.moment_ms("end", FOREVER_MS)
    if start_ms >= end_ms:
        line.fault("end", "the window ends before it starts")
    own = [name for name in kinds if name in line.cells and name not in (*NEEDED, "cost")]
    return Action(
        key=line.text("action_key"),
        objective=line.text("objective"),
        group=line.text("group"),
        purposes=line.words("purposes"),
        value=line.number_of("value", 0.0),
        cost=line.number_of("cost", 0.0),
        lever=line.number_of("lever", 1.0),
        start_ms=start_ms,
        end_ms=end_ms,
        channels=asked,
        messages={channel: line.text(f"message_{channel}") for channel in asked},
        attributes={name: value for name in own if (value := line.value(name, kinds[name])) is not None},
        tags=line.words("tags"),
        file=line.file,
        line=line.number,
    )
