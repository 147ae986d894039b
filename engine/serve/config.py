"""`nba serve --config FILE`: the server's limits and what a full journal does, in YAML; everything has a default."""

import dataclasses
from pathlib import Path

from engine.decide.faults import BundleError, Fault, unknown
from engine.decide.source import Source, read_yaml
from engine.serve.limits import Limits

WHEN_FULL = ("refuse", "spill")


def read_limits(file: Path | None) -> Limits:
    """The limits of a configuration file; the defaults without one.

    Raises:
        BundleError: naming every fault with its place.
        OSError: when it cannot be read.
    """
    if file is None:
        return Limits()
    source = _read(file)
    entries = source.mapping(("limits",), source.value.get("limits"))
    source.only(("limits",), entries, {field.name for field in dataclasses.fields(Limits)})
    for name, value in entries.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            source.fault(("limits", name), f"{name} must be a whole number of at least 0, not {value!r}")
    if source.faults:
        raise BundleError(source.faults)
    return dataclasses.replace(Limits(), **{name: int(str(value)) for name, value in entries.items()})


def read_spill(file: Path | None) -> Path | None:
    """Where the journal goes while its own disk cannot keep up; None refuses calls then; raises as `read_limits`."""
    if file is None:
        return None
    source = _read(file)
    entries = source.mapping(("journal",), source.value.get("journal"))
    source.only(("journal",), entries, {"when_full", "spill"})
    chosen, spill = str(entries.get("when_full", "refuse")), entries.get("spill")
    if chosen not in WHEN_FULL:
        source.fault(("journal", "when_full"), unknown("choice", chosen, WHEN_FULL))
    if (chosen == "spill") != isinstance(spill, str):
        source.fault(("journal",), "write `when_full: spill` with `spill: DIRECTORY`, on another disk, or neither")
    if source.faults:
        raise BundleError(source.faults)
    return Path(str(spill)) if spill else None


def _read(file: Path) -> Source:
    try:
        source = read_yaml(file.name, file.read_text())
    except UnicodeDecodeError as error:
        raise BundleError([Fault(file.name, 1, 1, f"byte {error.start + 1} of the file is no UTF-8")]) from None
    source.only((), source.value, {"limits", "journal"})
    return source
