"""`customer.yaml`: which values are derived from everyone's history; optional, with usual defaults."""

from collections.abc import Mapping
from dataclasses import replace

from engine.decide.derived import LEVELS, NAME, Derived, Engagement, Named, Response, Rfm, Sequence, Step, kinds_of
from engine.decide.faults import unknown
from engine.decide.policies import Known, Language, read_condition
from engine.decide.source import Path, Source
from engine.decide.values import duration_ms
from rules import Domain, Schema

SECTIONS = {"rfm", "engagement", "response", "journey", "sequences", "segments", "imported_segments"}
APART = ("channel", "group")
STAGES = {
    "lost": "customer.rfm.recency_days >= 365.0",
    "lapsing": "customer.rfm.recency_days >= 120.0",
    "loyal": "customer.rfm.frequency_total >= 6.0",
    "repeat": "customer.rfm.frequency_total >= 2.0",
    "first_time": "customer.rfm.frequency_total >= 1.0",
    "lead": "customer.behaviour.interactions_total >= 1.0",
    "prospect": "true",
}


def read_customer(source: Source, language: Language, known: Known) -> tuple[Derived, Schema]:
    """What the file declares, and the schema with every value in it; faults go to the source.

    A stage may read every value but stages and segments, a segment may read the stage too.
    """
    source.only((), source.value, SECTIONS)
    derived = Derived(
        rfm=_rfm(source),
        engagement=_engagement(source),
        response=_response(source),
        sequences=_sequences(source, known),
        imported=_imported(source),
        channels=tuple(sorted(known["channel"])),
        groups=tuple(sorted(known["group"])),
    )
    _speakable(source, derived)
    schema = _with(language.schema, kinds_of(derived))
    stages = _stages(source, replace(language, schema=schema))
    schema = _with(schema, {"journey.stage": "string"})
    names = frozenset[object](stage.name for stage in stages)
    schema = replace(schema, domains={**schema.domains, "customer.journey.stage": Domain(values=names)})
    segments = _segments(source, replace(language, schema=schema))
    own = {segment.name for segment in segments}
    for at, name in enumerate(derived.imported):
        if name in own:
            source.fault(("imported_segments", at), f"segment '{name}' stands twice, by rule and imported")
    every = dict.fromkeys((f"segment.{name}" for name in (*sorted(own), *derived.imported)), "bool")
    return replace(derived, stages=stages, segments=segments), _with(schema, every)


def _with(schema: Schema, kinds: Mapping[str, str]) -> Schema:
    return replace(schema, customer={**schema.customer, **kinds})


def _section(source: Source, name: str, known: set[str]) -> dict[str, object]:
    entry = source.mapping((name,), source.value.get(name))
    source.only((name,), entry, known)
    return entry


def _duration(source: Source, path: Path, raw: object) -> int:
    try:
        return duration_ms(str(raw))
    except ValueError as error:
        source.fault(path, str(error))
        return 1


def _durations(source: Source, path: Path, raw: object) -> tuple[str, ...]:
    listed = source.items(path, raw)
    for at, text in enumerate(listed):
        _duration(source, (*path, at), text)
        if text in listed[:at]:
            source.fault((*path, at), f"{text} stands twice")
    return tuple(map(str, listed))


def _rfm(source: Source) -> Rfm:
    entry = _section(source, "rfm", {"windows", "half_lives", "by"})
    by = source.items(("rfm", "by"), entry.get("by"))
    for at, dimension in enumerate(by):
        if dimension not in APART:
            source.fault(("rfm", "by", at), unknown("dimension", dimension, APART))
    windows = _durations(source, ("rfm", "windows"), entry.get("windows", list(Rfm.windows)))
    half_lives = _durations(source, ("rfm", "half_lives"), entry.get("half_lives"))
    return Rfm(windows, half_lives, tuple(str(each) for each in by if each in APART))


def _speakable(source: Source, derived: Derived) -> None:
    for dimension, name in derived.apart():
        if not NAME.fullmatch(name):
            wish = "letters, digits and _ alone can stand in a condition; rename it, or leave it out of `by`"
            source.fault(("rfm", "by"), f"{dimension} '{name}' is no attribute name: {wish}")


def _engagement(source: Source) -> Engagement:
    entry = _section(source, "engagement", {"half_life", "weights", *LEVELS[1:]})
    usual = Engagement()
    half_life_ms = usual.half_life_ms
    if "half_life" in entry:
        half_life_ms = _duration(source, ("engagement", "half_life"), entry["half_life"])
    low, medium, high = (
        source.number(("engagement", level), entry.get(level, getattr(usual, level))) for level in LEVELS[1:]
    )
    if not 0 < low < medium < high:
        source.fault(("engagement",), f"levels must rise from above 0: low {low:g}, medium {medium:g}, high {high:g}")
    weights = source.mapping(("engagement", "weights"), entry.get("weights", dict(usual.weights)))
    made = {kind: source.number(("engagement", "weights", kind), weight) for kind, weight in weights.items()}
    return Engagement(half_life_ms, low, medium, high, made)


def _response(source: Source) -> Response:
    entry = _section(source, "response", {"rate", "weight"})
    rate = source.number(("response", "rate"), entry.get("rate", Response.rate))
    weight = source.number(("response", "weight"), entry.get("weight", Response.weight))
    if not 0 <= rate <= 1:
        source.fault(("response", "rate"), f"a rate lies between 0 and 1, and {rate:g} does not")
    if weight <= 0:
        source.fault(("response", "weight"), "a weight must be above 0")
    return Response(rate, weight)


def _stages(source: Source, language: Language) -> tuple[Named, ...]:
    raw = source.mapping(("journey",), source.value.get("journey")) or STAGES
    made = [_named(source, ("journey", name), (name, when), language) for name, when in raw.items()]
    return tuple(stage for stage in made if stage is not None)


def _named(source: Source, path: Path, said: tuple[str, object], language: Language) -> Named | None:
    name, when = said
    expression = read_condition(source, path, when, language, name)
    if expression is not None and not expression.is_scalar:
        source.fault(path, f"'{name}' reads the action; it is about the customer alone")
        return None
    return None if expression is None else Named(name, expression)


def _segments(source: Source, language: Language) -> tuple[Named, ...]:
    made: dict[str, Named] = {}
    for at, raw in enumerate(source.items(("segments",), source.value.get("segments"))):
        path: Path = ("segments", at)
        entry = source.mapping(path, raw)
        source.only(path, entry, {"name", "when"})
        name = _attribute(source, (*path, "name"), entry.get("name"))
        segment = _named(source, (*path, "when"), (name, entry.get("when")), language)
        if name in made:
            source.fault((*path, "name"), f"segment '{name}' stands twice")
        if segment is not None:
            made[name] = segment
    return tuple(made.values())


def _attribute(source: Source, path: Path, raw: object) -> str:
    name = source.text(path, raw)
    if name and not NAME.fullmatch(name):
        source.fault(path, f"'{name}' is no attribute name; use letters, digits and _")
    return name


def _imported(source: Source) -> tuple[str, ...]:
    listed = source.items(("imported_segments",), source.value.get("imported_segments"))
    return tuple(_attribute(source, ("imported_segments", at), name) for at, name in enumerate(listed))


def _sequences(source: Source, known: Known) -> tuple[Sequence, ...]:
    entries = source.mapping(("sequences",), source.value.get("sequences"))
    made = tuple(_sequence(source, name, raw, known) for name, raw in entries.items())
    seen: dict[str, str] = {}
    for sequence in made:
        for step in sequence.steps:
            if step.action in seen:
                words = f"action '{step.action}' stands in '{seen[step.action]}' already; a message has one turn"
                source.fault(("sequences", sequence.name), words)
            seen[step.action] = sequence.name
    return made


def _sequence(source: Source, name: str, raw: object, known: Known) -> Sequence:
    path: Path = ("sequences", name)
    entry = source.mapping(path, raw)
    source.only(path, entry, {"steps", "exits"})
    _attribute(source, path, name)
    listed = source.items((*path, "steps"), entry.get("steps"))
    if not listed:
        source.fault(path, "a sequence needs steps; write 'steps: [{action: hello, wait: 2d}, {action: offer}]'")
    steps = tuple(_step(source, (*path, "steps", at), step, known) for at, step in enumerate(listed))
    exits = source.items((*path, "exits"), entry.get("exits"))
    return Sequence(name, steps, frozenset(map(str, exits)))


def _step(source: Source, path: Path, raw: object, known: Known) -> Step:
    entry = source.mapping(path, raw)
    source.only(path, entry, {"action", "wait"})
    action = source.text((*path, "action"), entry.get("action"))
    if action and action not in known["action"]:
        source.fault((*path, "action"), unknown("action", action, known["action"]))
    return Step(action, _duration(source, (*path, "wait"), entry["wait"]) if "wait" in entry else 0)
