"""Gates: microseconds a decision, beside other engines on the same rules; compiling and words."""

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from benchmarks.peers import peers
from benchmarks.report import Figure
from engine.decide import explain
from engine.decide.bundle import Bundle, read_bundle
from engine.decide.gates import Moment
from engine.decide.pipeline import decide
from engine.decide.request import Ask, Contact, CustomerView, Request, Scalar
from engine.decide.scoring import first_day
from engine.decide.snapshot import Snapshot, build_snapshot
from models import RESPONSE
from rules import Library

NOW_MS = 1_767_261_600_000  # a Thursday, 10:00 UTC
DAY_MS = 86_400_000
CHANNELS = ("app", "email", "paid", "web")
GROUPS = tuple(f"group_{i:02d}" for i in range(20))
# rows -> what gates may cost, microseconds: 5 conditions a row, every kind of gate; at 40,000 own rules an action
TARGETS_US = {100: 50.0, 1_000: 120.0, 40_000: 1_500.0}
WORDS_US, MEMORY_MB, COMPILE_S, AGAIN_S = 5_000.0, 200.0, 10.0, 2.0
FASTER = 60.0  # than the fastest of the other engines, at 1,000 rows


@dataclass(frozen=True)
class Rule:
    """One condition, as text and as a plain function of customer and row, and the rows it is for."""

    scope: dict[str, str]
    cel: str
    python: Callable[[dict[str, Any], dict[str, Any]], bool]


def rules_for(rng: np.random.Generator, actions: int, *, own: bool) -> list[Rule]:
    """Five conditions for each row: one for all, two for its group, two of its own action or of its objective."""
    made = [Rule({}, "customer.age >= 18", lambda c, _: c["age"] >= 18)]
    for group in GROUPS[:actions]:
        made += _of_group({"group": group}, int(rng.integers(1, 20)) * 1000, f"r{rng.integers(3, 9)}")
    if own:
        for index in range(actions):
            made += _of_action({"action": f"action_{index:05d}"}, index - 9_995, 500_000.0 + index)
        return made
    either = Rule({}, "action.margin > 0.05 || customer.member", lambda c, a: a["margin"] > 0.05 or c["member"])
    both = Rule({}, "customer.tenure >= action.level - 5", lambda c, a: c["tenure"] >= a["level"] - 5)
    return [*made, either, both]


def _of_group(scope: dict[str, str], income: int, region: str) -> list[Rule]:
    regions = {"r1", "r2", region}
    return [
        Rule(scope, f"customer.income > {income}.0", lambda c, _: c["income"] > income),
        Rule(scope, f"customer.region in ['r1', 'r2', '{region}']", lambda c, _: c["region"] in regions),
    ]


def _of_action(scope: dict[str, str], tenure: int, income: float) -> list[Rule]:
    return [
        Rule(scope, f"customer.tenure >= {tenure}", lambda c, _: c["tenure"] >= tenure),
        Rule(scope, f"customer.income < {income} || customer.member", lambda c, _: c["income"] < income or c["member"]),
    ]


def texts_of(rng: np.random.Generator, actions: int, rules: Sequence[Rule]) -> dict[str, str]:
    """A bundle in which every kind of gate is present."""
    lines = [
        f"action_{i:05d},{('grow', 'retain', 'serve')[i % 3]},{GROUPS[i % len(GROUPS)]},marketing,{i % 50 + 1},"
        f"{rng.uniform():.3f},{rng.integers(0, 5)},{'2025-01-01' if i % 2 else ''}"
        for i in range(actions)
    ]
    policies: dict[str, object] = {
        "eligibility": [
            {"name": f"rule {i}", "when": rule.cel, **({"scope": {**rule.scope}} if rule.scope else {})}
            for i, rule in enumerate(rules)
        ],
        "contact": [
            {"name": "forty a week", "kind": "exposure", "at_most": 40, "within": "7d"},
            {"name": "two of an action", "kind": "exposure", "at_most": 2, "within": "30d", "per": "action"},
            {"name": "nine of a group", "kind": "exposure", "at_most": 9, "each": "month", "per": "group"},
        ],
        "cooldown": [{"name": "dismissed", "after": "dismiss", "for": "30d", "per": "action"}],
    }
    return {
        "schema.yaml": "customer: {age: int, income: double, region: string, tenure: int, member: bool}\n"
        "action: {margin: double, level: int}\n",
        "channels.yaml": yaml.safe_dump(
            {name: {"direction": "outbound" if name == "email" else "inbound"} for name in CHANNELS}
        ),
        "purposes.yaml": "{marketing: {}, contract: {exempt: true, basis: contract}}",
        "actions.csv": "\n".join(["action_key,objective,group,purposes,value,margin,level,start", *lines]) + "\n",
        "tables/known.csv": "# hit: first\ncustomer.age,=eligible\n<10,false\n>=10,true\n",
        "policies.yaml": yaml.dump(policies, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), width=200),
    }


def compiled(texts: dict[str, str], bundle: Bundle) -> Snapshot:
    """A snapshot that scores every row alike."""
    return build_snapshot(bundle, texts, [first_day(RESPONSE, 0.1)])


def a_customer(rng: np.random.Generator) -> CustomerView:
    """Somebody with a history of 50 contacts."""
    facts: dict[str, Scalar] = {
        "age": 40,
        "income": 60_000.0,
        "region": "r1",
        "tenure": 900,
        "member": bool(rng.integers(2)),
    }
    history = sorted(
        Contact(
            NOW_MS - int(rng.integers(1, 60 * DAY_MS)), "exposure", f"action_{rng.integers(0, 250):05d}",
            GROUPS[int(rng.integers(len(GROUPS)))], "grow", str(rng.choice(CHANNELS)),
        )
        for _ in range(50)
    )  # fmt: skip
    allowed = {("marketing", channel): True for channel in CHANNELS}
    return CustomerView(facts, {}, allowed, tuple(history), "Europe/Paris")


def timed(work: Callable[[], object], calls: int) -> list[float]:
    """Microseconds of each call, after a fifth of a second to warm up."""
    until = time.perf_counter() + 0.2
    while time.perf_counter() < until:
        work()
    found = []
    for _ in range(calls):
        start = time.perf_counter_ns()
        work()
        found.append((time.perf_counter_ns() - start) / 1_000)
    return found


def measure(scale: int) -> Iterator[Figure]:
    """Every figure of the gates.

    Args:
        scale: how many hundred calls of each.
    """
    for rows, target in TARGETS_US.items():
        rng = np.random.default_rng(rows)
        actions = rows // len(CHANNELS)
        rules = rules_for(rng, actions, own=rows > 10_000)
        texts = texts_of(rng, actions, rules)
        before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        bundle = read_bundle(texts)
        snapshot, customer = compiled(texts, bundle), a_customer(rng)
        request = Request(tuple(Ask(channel) for channel in CHANNELS), NOW_MS)
        moment = Moment(customer, request, customer.facts())
        gates = snapshot.gates
        found = timed(lambda g=gates, m=moment: g.lost_at(g.evaluate(m)), 100 * scale)  # type: ignore[misc]
        case = f"{rows} rows, {len(rules)} rules"
        yield Figure("rules", case, "latency_us_p50", float(np.median(found)), "us", target)
        yield Figure("rules", case, "latency_us_p99", float(np.percentile(found, 99)), "us")
        if rows > 10_000:
            after_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            yield Figure("rules", case, "memory_mb", after_mb - before_mb, "MB", MEMORY_MB)
        if rows == 1_000:
            yield from _words(snapshot, customer, request, scale)
            yield from _peers(snapshot, customer, rules, (float(np.median(found)), scale))
    yield from _compiling()


def _words(snapshot: Snapshot, customer: CustomerView, request: Request, scale: int) -> Iterator[Figure]:
    """A full trace in which every row is held back, at least once."""
    stranger = CustomerView({**customer.attributes, "age": 12}, {}, {}, customer.contacts, "Europe/Paris")
    evaluation = decide(snapshot, stranger, request)
    found = timed(lambda: explain.full(evaluation), 5 * scale)
    reasons = len(explain.full(evaluation))
    yield Figure(
        "rules", f"words, 1000 rows, {reasons} reasons", "latency_us_p50", float(np.median(found)), "us", WORDS_US
    )


def _peers(
    snapshot: Snapshot, customer: CustomerView, rules: Sequence[Rule], ours: tuple[float, int]
) -> Iterator[Figure]:
    figures = []
    for name, work, check in peers(snapshot, customer, rules):
        if not check():
            raise ValueError(f"{name} answers otherwise; the comparison would mean nothing")
        found = timed(work, max(3, ours[1]))
        figures.append(Figure("rules", f"1000 rows, {name}", "latency_us_p50", float(np.median(found)), "us"))
    yield from figures
    engines = [figure.value for figure in figures if "plain Python" not in figure.case]
    # As a cost, so that "at most" holds for every figure: our share of the fastest engine's time.
    share = ours[0] / min(engines)
    yield Figure("rules", "1000 rows, ours to the fastest engine", "share", share, "ratio", 1 / FASTER)


def _compiling() -> Iterator[Figure]:
    """10,000 actions with 2,000 rules, and again after one file has changed."""
    rng = np.random.default_rng(7)
    rules = rules_for(rng, 10_000, own=True)[:2_000]
    texts = texts_of(rng, 10_000, rules)
    start = time.perf_counter()
    library = Library()
    compiled(texts, read_bundle(texts, library))
    yield Figure("rules", "compiling 10000 actions, 2000 rules", "time_s", time.perf_counter() - start, "s", COMPILE_S)
    changed = {**texts, "arbitration.yaml": "levers: {group_01: 2.0}"}
    start = time.perf_counter()
    compiled(changed, read_bundle(changed, Library(library.packed)))
    yield Figure("rules", "compiling again, one file changed", "time_s", time.perf_counter() - start, "s", AGAIN_S)
