"""Faults found in what people wrote, each with its place and its cure."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One fault at one place of a bundle."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class BundleError(ValueError):
    """A bundle that cannot be compiled; `faults` names every reason at once."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """`unknown channel 'emial'; did you mean 'email'?`, or the known names when none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    cure = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names) or 'none'}"
    return f"unknown {what} '{name}'; {cure}"
