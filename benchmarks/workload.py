"""A made-up world of any size, from a seed: bundle, customers and a trained model."""

import hashlib
import json
from pathlib import Path

import lightgbm
import msgspec
import numpy as np
import yaml

from engine.customer.record import Consent, Interaction, Record
from engine.decide.bundle import read_bundle
from engine.decide.derived import USUALLY, kinds_of
from engine.store.lmdb import LmdbStore
from engine.store.settle import settle
from models import RESPONSE, Feature, FeatureSpec, Manifest, Registry
from models.export import assert_parity, export_lightgbm

CHANNELS = ("app", "email", "paid", "web")
GROUPS = tuple(f"group_{i}" for i in range(10))
NOW_MS = 1_767_225_600_000
DAY_MS = 86_400_000
TREES, LEAVES = 200, 31
NAMES = tuple(name for name, kind in kinds_of(USUALLY).items() if kind == "double" and name[:3] in ("rfm", "beh"))
CUSTOMERS = 200


def build(directory: Path, rows: int, seed: int = 0, attributes: int = 5) -> tuple[Path, Path]:
    """Write a bundle of so many rows and the state beside it.

    Args:
        directory: made if absent.
        rows: actions x channels: four of them where that divides the rows, else two.
        seed: of everything.
        attributes: of each customer, at least five; those beyond are kept and no rule reads them.

    Returns:
        the bundle's directory and the state's.
    """
    rng = np.random.default_rng(seed)
    bundle, state = directory / "bundle", directory / "state"
    bundle.mkdir(parents=True, exist_ok=True)
    texts, more = _texts(rng, rows), [f"more_{number}" for number in range(attributes - 5)]
    texts["schema.yaml"] = texts["schema.yaml"].replace(
        "tier: int", ", ".join(["tier: int", *(f"{m}: double" for m in more)])
    )
    for name, text in texts.items():
        (bundle / name).write_text(text)
    store = LmdbStore(state / "store")
    settle(store, read_bundle(texts).keeping)
    people = [_person(rng, index, more) for index in range(CUSTOMERS)]
    store.put(people)
    store.apply([event for person in people for event in _history(rng, person.customer_id)])
    store.close()
    _model(rng, state)
    return bundle, state


def _texts(rng: np.random.Generator, rows: int) -> dict[str, str]:
    channels = CHANNELS if rows % len(CHANNELS) == 0 else CHANNELS[:2]
    header = "action_key,objective,group,purposes,value,cost,channels,margin,level"
    lines = [
        f"action_{i:05d},{('grow', 'retain', 'serve')[i % 3]},{GROUPS[i % 10]},marketing,{rng.uniform(1, 50):.2f},0.5,"
        f"{';'.join(channels)},{rng.uniform():.3f},{rng.integers(0, 5)}"
        for i in range(max(1, rows // len(channels)))
    ]
    return {
        "schema.yaml": "customer: {age: int, income: double, region: string, member: bool, tier: int}\n"
        "request: {device: string, page: string}\naction: {margin: double, level: int}\n",
        "channels.yaml": yaml.safe_dump({channel: {"direction": "inbound"} for channel in CHANNELS}),
        "actions.csv": "\n".join([header, *lines]) + "\n",
        "policies.yaml": yaml.safe_dump(_policies(len(lines)), width=200),
        "arbitration.yaml": "levers: {group_0: 1.2}\n",
    }


def _policies(actions: int) -> dict[str, object]:
    return {
        "eligibility": [
            {"name": "adults", "when": "customer.age >= 18"},
            {"name": "level", "when": "customer.tier >= action.level - 4"},
            *({"name": f"income {g}", "scope": {"group": g}, "when": f"customer.income > {i * 8_000}.0"}
              for i, g in enumerate(GROUPS[:actions])),
        ],
        "applicability": [
            {"name": "not at the till", "when": "request.page != 'checkout'", "on_missing": "pass"},
            {"name": "regions", "scope": {"objective": "grow"}, "when": "customer.region in ['north', 'south']"},
        ],
        "suitability": [{"name": "margin", "when": "action.margin > 0.01 || customer.member"}],
        "contact": [
            {"name": "sixty a week", "kind": "exposure", "at_most": 60, "within": "7d"},
            {"name": "two of an action", "kind": "exposure", "at_most": 2, "within": "30d", "per": "action"},
            {"name": "nine of a group", "kind": "exposure", "at_most": 9, "within": "30d", "per": "group"},
        ],
        "cooldown": [{"name": "dismissed", "after": "dismiss", "for": "30d", "per": "action"}],
    }  # fmt: skip


def _person(rng: np.random.Generator, index: int, more: list[str]) -> Record:
    attributes: dict[str, bool | int | float | str] = {
        "age": int(rng.integers(18, 90)),
        "income": float(rng.uniform(10_000, 90_000)),
        "region": str(rng.choice(["north", "south"])),
        "member": bool(rng.integers(2)),
        "tier": int(rng.integers(0, 5)),
        **{name: float(rng.normal()) for name in more},
    }
    consents = [Consent("marketing", "", granted=True, source="made up", at_ms=NOW_MS - 400 * DAY_MS)]
    return Record(f"customer_{index}", {**attributes}, consents)


def _history(rng: np.random.Generator, customer_id: str) -> list[Interaction]:
    made = []
    for index in range(50):
        at_ms = NOW_MS - int(rng.integers(1, 365 * DAY_MS))
        key = f"action_{rng.integers(0, 250):05d}"
        kind = str(rng.choice(["purchase", "exposure", "click"]))
        place = {"action_key": key, "group": GROUPS[int(key[-1])], "channel": str(rng.choice(CHANNELS))}
        amount = float(rng.uniform(1, 100)) if kind == "purchase" else 0.0
        event = Interaction(f"{customer_id}-{index}", customer_id, kind, at_ms, amount=amount)
        made.append(msgspec.structs.replace(event, **place))
    return made


def _model(rng: np.random.Generator, state: Path) -> None:
    numbers = [f"customer.{name}" for name in ("age", "income", "tier", *NAMES)]
    row = [Feature("action.margin"), Feature("action.value"), Feature("action.group", "categorical", GROUPS)]
    spec = FeatureSpec((*(Feature(name) for name in numbers), *row, Feature("action.channel", "categorical", CHANNELS)))
    features = rng.normal(size=(4_000, len(spec.features))).astype(np.float32) * 10
    features[rng.random(features.shape) < 0.1] = np.nan
    labels = (np.nan_to_num(features[:, -4:]).sum(axis=1) + rng.normal(size=4_000) * 10 > 0).astype(int)
    options = {"objective": "binary", "num_leaves": LEAVES, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1,
               "seed": 0, "deterministic": True}  # fmt: skip
    booster = lightgbm.train(options, lightgbm.Dataset(features, labels), TREES)
    model = export_lightgbm(booster)
    assert_parity(booster, model, features[:200])
    digest, data = hashlib.sha256(model).hexdigest(), hashlib.sha256(features.tobytes()).hexdigest()
    manifest = Manifest(
        name=RESPONSE, version=digest[:12], digest=digest, spec=spec, fingerprint=spec.fingerprint, ranges={},
        outcome="made up", window=(0, NOW_MS), base_rate=0.1, data_digest=data, libraries={}, metrics={},
        calibration="none", parent=None,
    )  # fmt: skip
    Registry(state / "models").save(model, manifest)


def describe() -> str:
    """The workload in one JSON object, for the history."""
    return json.dumps({"trees": TREES, "leaves": LEAVES, "customers": CUSTOMERS, "history": 50})
