"""What signals from outside mean for a bundle's purposes; what cannot be read grants nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.customer.privacy.bits import DecodeError
from engine.customer.privacy.gpp import Gpp, decode_gpp
from engine.customer.privacy.tcf import Tcf, decode_tcf
from engine.decide.purposes import Purpose, lineage


@dataclass(frozen=True)
class Declared:
    """What a bundle says of purposes, and its vendor's number in IAB's list; 0 for none."""

    purposes: Mapping[str, Purpose] = field(default_factory=dict)
    vendor: int = 0

    def of(self, name: str) -> Purpose | None:
        """The nearest declaration: the purpose's own, or of what is above it."""
        found = [self.purposes[above] for above in lineage(name) if above in self.purposes]
        return found[-1] if found else None


@dataclass(frozen=True)
class Signals:
    """What a caller passes on; empty strings are no signal."""

    tcf: str = ""
    gpp: str = ""
    gpc: bool = False

    def verdict(self, purpose: str, declared: Declared) -> bool | None:
        """True where a signal grants a purpose, False where one refuses it, None where none speaks of it."""
        said = [*self._european(purpose, declared), *self._american(purpose, declared)]
        return None if not said else all(said)

    def _european(self, purpose: str, declared: Declared) -> list[bool]:
        own = declared.of(purpose)
        if own is None or not own.tcf:
            return []
        strings = [_read_tcf(self.tcf)] if self.tcf else []
        platform = _read_gpp(self.gpp) if self.gpp else None
        strings += [platform.tcf] if platform and platform.tcf else []
        return [string is not None and string.allows(own.tcf, declared.vendor) for string in strings]

    def _american(self, purpose: str, declared: Declared) -> list[bool]:
        """Opt-outs and Global Privacy Control refuse; that nobody opted out is no consent."""
        own = declared.of(purpose)
        if own is not None and own.exempt:
            return []
        refused = self.gpc
        if self.gpp:
            platform = _read_gpp(self.gpp)
            refused |= platform is None or platform.gpc or bool(platform.opted_out)
        return [False] if refused else []


NO_SIGNALS = Signals()


def _read_tcf(text: str) -> Tcf | None:
    try:
        return decode_tcf(text)
    except DecodeError:
        return None


def _read_gpp(text: str) -> Gpp | None:
    try:
        return decode_gpp(text)
    except DecodeError:
        return None
