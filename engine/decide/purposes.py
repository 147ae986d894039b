"""`purposes.yaml`: what consent is asked for; optional, and then every purpose in use must stand in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.decide.faults import unknown
from engine.decide.source import Source

BASES = ("consent", "contract", "legal obligation", "legitimate interest")
VENDOR = "tcf_vendor"


@dataclass(frozen=True)
class Purpose:
    """One purpose, dotted from broad to narrow.

    Args:
        exempt: a contract's own notices: they need no marketing consent and marketing caps do not count for them.
        basis: the lawful basis.
        tcf: purposes of IAB's Transparency and Consent Framework that stand for it.
    """

    name: str
    exempt: bool = False
    basis: str = "consent"
    tcf: tuple[int, ...] = ()
    place: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Declared:
    """What a bundle says of purposes.

    Args:
        purposes: name -> purpose.
        vendor: our number in IAB's list of vendors; 0 for none.
    """

    purposes: Mapping[str, Purpose] = field(default_factory=dict)
    vendor: int = 0

    def of(self, name: str) -> Purpose | None:
        """The nearest declaration: the purpose's own, or of what is above it."""
        found = [self.purposes[above] for above in lineage(name) if above in self.purposes]
        return found[-1] if found else None

    @property
    def exempt(self) -> frozenset[str]:
        """Purposes that need no marketing consent and count for no marketing cap."""
        return frozenset(purpose.name for purpose in self.purposes.values() if purpose.exempt)

    def missing(self, used: Iterable[str]) -> set[str]:
        """Purposes in use of which neither they nor anything above them is declared; none where none are."""
        return {name for name in used if self.of(name) is None} if self.purposes else set()


UNDECLARED = Declared()


def read_purposes(source: Source) -> Declared:
    """What the file declares; faults go to the source."""
    entries = source.mapping((), source.value).items()
    return Declared({name: _purpose(source, name, raw) for name, raw in entries if name != VENDOR}, _vendor(source))


def _vendor(source: Source) -> int:
    number = source.value.get(VENDOR, 0)
    if type(number) is int and 0 <= number < 65_536:
        return number
    source.fault((VENDOR,), f"{VENDOR} must be a vendor's number in IAB's list")
    return 0


def _purpose(source: Source, name: str, raw: object) -> Purpose:
    entry = source.mapping((name,), raw)
    source.only((name,), entry, {"exempt", "basis", "tcf"})
    exempt, basis = entry.get("exempt", False), entry.get("basis", "consent")
    if not isinstance(exempt, bool):
        source.fault((name, "exempt"), "exempt must be true or false")
    if basis not in BASES:
        source.fault((name, "basis"), unknown("basis", basis, BASES))
    elif exempt is True and basis == "consent":
        source.fault((name, "exempt"), "an exempt purpose needs another basis than consent; name it, such as contract")
    numbers = source.items((name, "tcf"), entry.get("tcf"))
    if not all(type(number) is int and 1 <= number <= 11 for number in numbers):
        source.fault((name, "tcf"), "tcf must be a list of purposes from 1 to 11")
        numbers = []
    return Purpose(
        name, exempt is True, str(basis), tuple(int(str(number)) for number in numbers), source.place((name,))
    )


def lineage(name: str) -> list[str]:
    """`marketing.offers` -> `marketing`, `marketing.offers`."""
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
