"""What signals from outside mean for a bundle's purposes; what cannot be read grants nothing."""

from dataclasses import dataclass
from functools import cached_property

from engine.customer.privacy.bits import DecodeError
from engine.customer.privacy.gpp import Gpp, decode_gpp
from engine.customer.privacy.tcf import Tcf, decode_tcf
from engine.decide.purposes import Declared


@dataclass(frozen=True)
class Signals:
    """What a caller passes on, decoded once however many purposes are asked about; empty strings are no signal."""

    tcf: str = ""
    gpp: str = ""
    gpc: bool = False

    @cached_property
    def _platform(self) -> Gpp | None:
        """The GPP string; None when there is none, or none that can be read."""
        return _read_gpp(self.gpp) if self.gpp else None

    @cached_property
    def _european(self) -> tuple[Tcf | None, ...]:
        """The TC strings there are; None for one that cannot be read."""
        own = [_read_tcf(self.tcf)] if self.tcf else []
        return (*own, *([self._platform.tcf] if self._platform and self._platform.tcf else []))

    @cached_property
    def _refused(self) -> bool:
        """Opt-outs and Global Privacy Control refuse; that nobody opted out is no consent."""
        platform = self._platform
        unread = bool(self.gpp) and platform is None
        return self.gpc or unread or (platform is not None and (platform.gpc or bool(platform.opted_out)))

    def verdict(self, purpose: str, declared: Declared) -> bool | None:
        """True where a signal grants a purpose, False where one refuses it, None where none speaks of it."""
        own = declared.of(purpose)
        if self._refused and not (own and own.exempt):
            return False
        if own is None or not own.tcf or not self._european:
            return None
        return all(string is not None and string.allows(own.tcf, declared.vendor) for string in self._european)


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
