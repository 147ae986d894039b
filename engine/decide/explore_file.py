"""`explore` of arbitration.yaml: how each objective explores, and at what price."""

import math
from collections.abc import Callable, Collection, Mapping

from engine.decide.exploration import Epsilon, Explorer, PlackettLuce, SquareCB
from engine.decide.faults import unknown
from engine.decide.source import Path, Source

SHARE = (0.0, 1.0)
# Kind -> how it is made, and its parameter with the least and the most it may be.
KINDS: Mapping[str, tuple[Callable[[float, float], Explorer], str, tuple[float, float]]] = {
    "epsilon": (Epsilon, "epsilon", SHARE),
    "squarecb": (SquareCB, "gamma", (0.0, math.inf)),
    "plackett_luce": (PlackettLuce, "temperature", (1e-9, math.inf)),
}


def read_explore(source: Source, objectives: Collection[str]) -> dict[str, Explorer]:
    """Each objective's explorer; objectives that are absent take the best.

    Args:
        source: arbitration.yaml; faults are noted in it.
        objectives: of the catalogue.
    """
    made = {}
    for objective, entry in source.mapping(("explore",), source.value.get("explore")).items():
        path: Path = ("explore", objective)
        if objective not in objectives:
            source.fault(path, unknown("objective", objective, objectives))
        explorer = _explorer(source, path, source.mapping(path, entry))
        if explorer is not None:
            made[objective] = explorer
    return made


def _explorer(source: Source, path: Path, entry: Mapping[str, object]) -> Explorer | None:
    kind = str(entry.get("kind", ""))
    if kind not in KINDS:
        source.fault((*path, "kind"), unknown("kind", kind, KINDS))
        return None
    make, parameter, bounds = KINDS[kind]
    source.only(path, entry, {"kind", parameter, "price"})
    return make(_bounded(source, path, entry, parameter, bounds), _bounded(source, path, entry, "price", SHARE))


def _bounded(source: Source, path: Path, entry: Mapping[str, object], name: str, bounds: tuple[float, float]) -> float:
    least, most = bounds
    number = source.number((*path, name), entry.get(name))
    if name in entry and not least <= number <= most:
        upper = f" and at most {most:g}" if most < math.inf else ""
        source.fault((*path, name), f"{name} must be at least {least:g}{upper}, not {number:g}")
    return number
