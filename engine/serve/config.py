"""`nba serve --config FILE`: the server's limits, in YAML; everything has a default."""

import dataclasses
from pathlib import Path

from engine.decide.faults import BundleError, Fault
from engine.decide.source import read_yaml
from engine.serve.limits import Limits


def read_limits(file: Path | None) -> Limits:
    """The limits of a configuration file; the defaults without one.

    Raises:
        BundleError: naming every fault with its place.
        OSError: when it cannot be read.
    """
    if file is None:
        return Limits()
    try:
        source = read_yaml(file.name, file.read_text())
    except UnicodeDecodeError as error:
        raise BundleError([Fault(file.name, 1, 1, f"byte {error.start + 1} of the file is no UTF-8")]) from None
    source.only((), source.value, {"limits"})
    entries = source.mapping(("limits",), source.value.get("limits"))
    source.only(("limits",), entries, {field.name for field in dataclasses.fields(Limits)})
    for name, value in entries.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            source.fault(("limits", name), f"{name} must be a whole number of at least 0, not {value!r}")
    if source.faults:
        raise BundleError(source.faults)
    return dataclasses.replace(Limits(), **{name: int(str(value)) for name, value in entries.items()})
