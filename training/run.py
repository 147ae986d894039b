"""`nba train`: labelled contacts and stored records to a registered model."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from engine.customer.features import behaviour
from engine.decide.behaviour import NAMES
from engine.decide.bundle import FILES, read_bundle
from engine.store.lmdb import LmdbStore
from engine.store.protocol import Store
from models import RESPONSE, Feature, FeatureSpec, Manifest, Registry, assemble
from models.export import assert_parity, export_lightgbm
from models.scorers import OnnxScorer
from models.spec import Float32Array
from training.fit import auc, fit, logistic_baseline

LAST = 8  # campaigns held out, by date
UNUSED = {"couponed_30d", "contacts_90d"}  # without gain on the earlier campaigns


def train(bundle: Path, state: Path) -> dict[str, float | str]:
    """Train on the earlier campaigns, test on the last eight, export with parity, register.

    Args:
        bundle: the bundle's directory.
        state: holds `data/contacts.parquet`, the store and the models.

    Returns:
        rows, base rates, areas under the curve on the later campaigns, parity, version.
    """
    labelled = state / "data" / "contacts.parquet"
    if not labelled.is_file():
        raise ValueError(f"{labelled}: there are no labelled contacts; `nba demo --state {state}` makes them")
    contacts = pd.read_parquet(labelled)
    spec = _spec(bundle, state, contacts)
    store = LmdbStore(state / "store")
    features = features_of(spec, contacts, store)
    store.close()
    labels = contacts.label.to_numpy(np.int64)
    later = contacts.action_key.isin(_last(contacts)).to_numpy()
    booster = fit(features[~later], labels[~later])
    model = export_lightgbm(booster)
    gap = assert_parity(booster, model, features)
    metrics = _metrics(spec, features, labels, later, OnnxScorer(model))
    window = int(contacts.start_ms[~later].min()), int(contacts.end_ms[~later].max())
    digest = hashlib.sha256(model).hexdigest()
    manifest = Manifest(RESPONSE, digest, spec, metrics, window, float(labels[~later].mean()))
    return {**metrics, "parity": gap, "version": Registry(state / "models").save(model, manifest)}


def _last(contacts: pd.DataFrame) -> list[str]:
    starts = contacts.groupby("action_key").start_ms.first().reset_index()
    return list(starts.sort_values(["start_ms", "action_key"]).action_key[-LAST:])


def _spec(bundle: Path, state: Path, contacts: pd.DataFrame) -> FeatureSpec:
    texts = {name: (bundle / name).read_text() for name in FILES if (bundle / name).is_file()}
    schema = read_bundle(texts).schema
    people = pd.read_parquet(state / "data" / "customers.parquet")
    # Sorted texts: for ages, incomes and sizes that is their order.
    known = {name: tuple(sorted(set(people[name]) - {""})) for name in schema.customer if name in people}
    numeric = [Feature(f"customer.{name}") for name in NAMES if name not in UNUSED]
    ordered = [Feature(f"customer.{name}", "categorical", texts) for name, texts in known.items()]
    groups = tuple(sorted(contacts.group.unique()))
    return FeatureSpec((*numeric, *ordered, Feature("action.group", "categorical", groups)))


def features_of(spec: FeatureSpec, contacts: pd.DataFrame, store: Store) -> Float32Array:
    """Features as they stood when each campaign started.

    Args:
        spec: F features.
        contacts: N rows of customer_id, start_ms and group.
        store: holds the customers.

    Returns:
        float32[N, F].
    """
    made = []
    rows = zip(contacts.customer_id, contacts.start_ms, contacts.group, strict=True)
    for customer_id, at_ms, group in track(
        rows, "features", len(contacts), console=Console(stderr=True), transient=True
    ):
        record = store.load(customer_id)
        facts = {**behaviour(record, int(at_ms)), **record.attributes} if record else {}
        columns = {f"customer.{name}": value for name, value in facts.items()}
        made.append(assemble(spec, {**columns, "action.group": group}, 1, now_ms=int(at_ms)))
    return np.vstack(made)


def _metrics(
    spec: FeatureSpec, features: Float32Array, labels: NDArray[np.int64], later: NDArray[np.bool_], scorer: OnnxScorer
) -> dict[str, float]:
    plain = logistic_baseline(spec, features[~later], labels[~later], features[later])
    return {
        "rows": float(len(labels)),
        "train_rows": float((~later).sum()),
        "base_rate_later": float(labels[later].mean()),
        "auc_later": auc(labels[later], scorer.score(features[later])),
        "auc_later_logistic": auc(labels[later], plain),
    }
