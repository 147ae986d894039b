"""The catalogue's file: one action a line, checked against the schema."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from engine.decide.faults import Fault, unknown
from engine.decide.request import Scalar

NEEDED = ("action_key", "objective", "group", "purposes", "value")
OPTIONAL = ("start", "end", "cost", "lever", "channels")
FILE = "actions.csv"
FOREVER_MS = 2**62
TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True)
class Action:
    """Something we may propose, with its window, worth and message per channel."""

    key: str
    objective: str
    group: str
    purposes: tuple[str, ...]
    value: float
    lever: float = 1.0
    start_ms: int = -FOREVER_MS
    end_ms: int = FOREVER_MS
    channels: tuple[str, ...] = ()
    messages: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Scalar] = field(default_factory=dict)


class _Line:
    """One line while it is read; every fault goes to `faults` with its column."""

    def __init__(self, number: int, cells: Mapping[str, str], columns: Sequence[str]) -> None:
        self.number, self.cells, self.columns = number, cells, columns
        self.faults: list[Fault] = []

    def fault(self, column: str, message: str) -> None:
        self.faults.append(Fault(FILE, self.number, 1 + self.columns.index(column), message))

    def text(self, column: str) -> str:
        return (self.cells.get(column) or "").strip()

    def number_of(self, column: str, default: float) -> float:
        text = self.text(column)
        try:
            value = float(text) if text else default
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.fault(column, f"'{text}' in column '{column}' is no finite number")
            return 0.0
        return value

    def moment_ms(self, column: str, default: int) -> int:
        text = self.text(column)
        if not text:
            return default
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fault(column, f"'{text}' in column '{column}' is no date; write 2026-11-24")
            return default
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(aware.timestamp() * 1000)

    def words(self, column: str) -> tuple[str, ...]:
        return tuple(word.strip() for word in self.text(column).split(";") if word.strip())


def read_actions(
    text: str | None, kinds: Mapping[str, str], channels: Sequence[str]
) -> tuple[tuple[Action, ...], list[Fault]]:
    """Read the actions, sorted by key so that the file's order never matters.

    Args:
        text: the CSV; None when it is missing.
        kinds: action attributes of the schema and their types.
        channels: the bundle's channels.

    Returns:
        the actions, and every fault found.
    """
    if text is None:
        return (), [Fault(FILE, 1, 1, "the file is missing; a bundle needs it")]
    rows = csv.DictReader((line for line in io.StringIO(text) if not line.startswith("#")), strict=False)
    columns = list(rows.fieldnames or [])
    skipped = sum(line.startswith("#") for line in text.splitlines())
    faults = _header(columns, kinds, channels)
    if faults:
        return (), faults
    actions: dict[str, Action] = {}
    for cells in rows:
        line = _Line(rows.line_num + skipped, cells, columns)
        action = _action(line, kinds, channels)
        if action.key in actions:
            line.fault("action_key", f"action '{action.key}' stands twice; keys are unique")
        actions[action.key] = action
        faults.extend(line.faults)
    return tuple(actions[key] for key in sorted(actions)), faults


def _header(columns: list[str], kinds: Mapping[str, str], channels: Sequence[str]) -> list[Fault]:
    known = {*NEEDED, *OPTIONAL, *kinds, *(f"message_{channel}" for channel in channels)}
    faults = [Fault(FILE, 1, 1, f"column '{name}' is missing") for name in NEEDED if name not in columns]
    strange = [(index, name) for index, name in enumerate(columns) if name not in known]
    return faults + [Fault(FILE, 1, 1 + index, unknown("column", name, known)) for index, name in strange]


def _action(line: _Line, kinds: Mapping[str, str], channels: Sequence[str]) -> Action:
    for column in ("action_key", "objective", "group", "purposes"):
        if not line.text(column):
            line.fault(column, f"'{column}' is empty; every action needs one")
    asked = line.words("channels") or tuple(channels)
    for channel in asked:
        if channel not in channels:
            line.fault("channels", unknown("channel", channel, channels))
    start_ms, end_ms = line.moment_ms("start", -FOREVER_MS), line.moment_ms("end", FOREVER_MS)
    if start_ms >= end_ms:
        line.fault("end", "the window ends before it starts")
    own = [name for name in kinds if name in line.columns and name not in NEEDED]
    return Action(
        key=line.text("action_key"),
        objective=line.text("objective"),
        group=line.text("group"),
        purposes=line.words("purposes"),
        value=line.number_of("value", 0.0) - line.number_of("cost", 0.0),
        lever=line.number_of("lever", 1.0),
        start_ms=start_ms,
        end_ms=end_ms,
        channels=asked,
        messages={channel: line.text(f"message_{channel}") for channel in asked},
        attributes={name: value for name in own if (value := _attribute(line, name, kinds[name])) is not None},
    )


def _attribute(line: _Line, name: str, kind: str) -> Scalar | None:
    text = line.text(name)
    if not text or kind == "string":
        return text or None
    if kind == "bool":
        if text.lower() not in TRUTHS:
            line.fault(name, f"'{text}' in column '{name}' is neither true nor false")
        return TRUTHS.get(text.lower())
    value = line.number_of(name, 0.0)
    return int(value) if kind == "int" else value
