"""A synthetic world of any size, from a seed: bundle, customers with histories, model, questions."""

import csv
import hashlib
import io
import random
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import yaml
from nba.v1 import common_pb2, decision_pb2
from numpy.typing import NDArray

from benchmarks.bundle import ACTION, BEHAVIOUR_READ, CHANNELS, CUSTOMER, DEVICES, GROUPS, OBJECTIVES, REQUEST, policies
from engine.customer.record import Consent, Purchase, Record
from engine.decide.request import Contact
from engine.serve.build import MODEL
from engine.store.lmdb import LmdbStore
from models import Feature, FeatureSpec, Manifest, Registry
from models.export import assert_parity, export_lightgbm
from models.spec import Float32Array

NOW_MS = 1_764_000_000_000  # a fixed moment: the same question gets the same answer in every run
DAY_MS = 86_400_000
CUSTOMERS = 200
LIMIT = 3
SAMPLES = 4_000
TREES = {"num_leaves": 15, "learning_rate": 0.1, "min_data_in_leaf": 20, "feature_fraction": 0.8}
FIXED = {"objective": "binary", "verbosity": -1, "deterministic": True, "force_row_wise": True, "num_threads": 1}
ROUNDS = 100


@dataclass(frozen=True)
class Workload:
    """What was written.

    Args:
        bundle, state: directories, as `nba serve` takes them.
        rows: R, rows of the catalogue, all of them asked.
        questions: serialised `DecideRequest`s, one for each customer.
    """

    bundle: Path
    state: Path
    rows: int
    questions: tuple[bytes, ...]


def write_workload(directory: Path, rows: int, seed: int = 1) -> Workload:
    """Write a bundle, a store and a model.

    Args:
        directory: made if absent; gets `bundle` and `state`.
        rows: R, an even number: every action stands in both channels.
        seed: fixes everything.
    """
    draw = random.Random(seed)  # noqa: S311  a workload, not a secret
    bundle, state = directory / "bundle", directory / "state"
    bundle.mkdir(parents=True, exist_ok=True)
    _write_bundle(bundle, rows // len(CHANNELS), draw)
    _write_model(state / "models", seed)
    store = LmdbStore(state / "store")
    store.put(_record(number, rows // len(CHANNELS), draw) for number in range(CUSTOMERS))
    store.close()
    return Workload(bundle, state, rows, tuple(_question(number) for number in range(CUSTOMERS)))


def _write_bundle(bundle: Path, actions: int, draw: random.Random) -> None:
    schema = {"customer": CUSTOMER, "request": REQUEST, "action": ACTION}
    files = {
        "schema.yaml": yaml.safe_dump(schema),
        "channels.yaml": yaml.safe_dump(CHANNELS),
        "policies.yaml": yaml.safe_dump(policies(_names(actions, "group"), _names(actions, "objective"))),
        "arbitration.yaml": yaml.safe_dump({"levers": {"group_0": 1.2}}),
        "actions.csv": _actions(actions, draw),
    }
    for name, text in files.items():
        (bundle / name).write_text(text)


def _names(actions: int, kind: str) -> list[str]:
    return sorted({_labels(number)[kind] for number in range(actions)})


def _labels(number: int) -> dict[str, str]:
    return {"group": f"group_{number % GROUPS}", "objective": OBJECTIVES[number % len(OBJECTIVES)]}


def _actions(actions: int, draw: random.Random) -> str:
    out = io.StringIO()
    messages = [f"message_{channel}" for channel in CHANNELS]
    writer = csv.writer(out)
    writer.writerow(["action_key", "objective", "group", "purposes", "value", *ACTION, *messages])
    for number in range(actions):
        labels, key = _labels(number), _key(number)
        purpose = "service" if labels["objective"] == "serve" else "marketing.offers"
        own = [round(draw.uniform(1, 50), 2), round(draw.random(), 3), draw.randrange(5)]
        words = [f"{channel}/{key}" for channel in CHANNELS]
        writer.writerow([key, labels["objective"], labels["group"], purpose, *own, *words])
    return out.getvalue()


def _key(number: int) -> str:
    return f"action_{number:04d}"


def _record(number: int, actions: int, draw: random.Random) -> Record:
    """A customer of about 60 purchases and 40 contacts; one in ten allows no marketing."""
    purchases = sorted(_purchase(draw) for _ in range(draw.randrange(40, 80)))
    contacts = sorted(_contact(actions, draw) for _ in range(draw.randrange(25, 55)))
    said = {"marketing": draw.random() > 0.1, "service": True}
    consents = [Consent(purpose, "", granted, "import", NOW_MS - DAY_MS) for purpose, granted in said.items()]
    return Record(_customer_id(number), _attributes(draw), consents, "Europe/Paris", purchases, contacts)


def _customer_id(number: int) -> str:
    return f"customer-{number:05d}"


def _attributes(draw: random.Random) -> dict[str, bool | int | float | str]:
    return {
        "age": draw.randrange(16, 90), "city": draw.choice(["paris", "lyon", "nantes"]), "member": draw.random() < 0.6,
        "income": round(draw.uniform(10_000, 120_000), 2), "risk": round(draw.random(), 3),
    }  # fmt: skip


def _purchase(draw: random.Random) -> Purchase:
    return Purchase(NOW_MS - draw.randrange(1, 300 * DAY_MS), round(draw.uniform(2, 150), 2), draw.choice([0.0, 1.5]))


def _contact(actions: int, draw: random.Random) -> Contact:
    number, kind = draw.randrange(actions), draw.choice(["exposure", "exposure", "exposure", "click", "redemption"])
    at_ms = NOW_MS - draw.randrange(1, 120 * DAY_MS)
    return Contact(at_ms, kind, _key(number), **_labels(number), channel=draw.choice(list(CHANNELS)))


def spec() -> FeatureSpec:
    """What the model reads: of the customer, the action and the request."""
    numbers = [*(f"customer.{name}" for name in BEHAVIOUR_READ), "customer.age", "customer.income", "action.margin"]
    texts = {
        "action.group": tuple(f"group_{number}" for number in range(GROUPS)),
        "action.channel": tuple(CHANNELS),
        "request.device": DEVICES,
    }
    return FeatureSpec((*(Feature(n) for n in numbers), *(Feature(n, "categorical", k) for n, k in texts.items())))


def _write_model(registry: Path, seed: int) -> None:
    made, names = np.random.default_rng(seed), spec()
    features = made.gamma(2.0, 20.0, (SAMPLES, len(names.features))).astype(np.float32)
    for at, feature in enumerate(names.features):
        if feature.categories:
            features[:, at] = made.integers(0, len(feature.categories), SAMPLES)
    signal = features[:, 0] / 40 - features[:, 1] / 60 + features[:, -3] / GROUPS + made.normal(size=SAMPLES)
    booster = _fit(features, signal > np.quantile(signal, 0.9), seed)
    model = export_lightgbm(booster)
    assert_parity(booster, model, features[:100])
    Registry(registry).save(model, Manifest(MODEL, hashlib.sha256(model).hexdigest(), names, {}, (0, NOW_MS), 0.1))


def _fit(features: Float32Array, labels: NDArray[np.bool_], seed: int) -> lightgbm.Booster:
    # One all-missing row, of no weight, makes LightGBM give every split the missing type NaN.
    padded = np.vstack([features, np.full((1, features.shape[1]), np.nan, np.float32)])
    data = lightgbm.Dataset(padded, np.append(labels, False), weight=np.append(np.ones(len(labels)), 0.0))
    return lightgbm.train({**FIXED, **TREES, "seed": seed}, data, ROUNDS)


def _question(number: int) -> bytes:
    device = common_pb2.Value(string_value=DEVICES[number % len(DEVICES)])
    asked = decision_pb2.DecideRequest(
        request_id=f"bench-{number:05d}",
        customer=decision_pb2.Customer(id=_customer_id(number)),
        context={"device": device},
        channels=[decision_pb2.ChannelRequest(channel=channel, limit=LIMIT) for channel in CHANNELS],
        now_ms=NOW_MS,
    )
    return bytes(asked.SerializeToString(deterministic=True))


