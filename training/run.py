"""`nba train`: labelled contacts and stored records to a registered model."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from engine.customer.as_of import AsOf
from engine.customer.change import apply_interactions
from engine.customer.dealings import FIELD, dealings
from engine.customer.record import Record
from engine.customer.values import values
from engine.decide.bundle import FILES, Bundle, read_bundle
from engine.decide.derived import Derived, family_of
from engine.decide.faults import unknown
from engine.decide.lineup import Lineup
from engine.store.merge import rebuilt
from engine.store.open import open_store
from engine.store.protocol import Store
from models import RESPONSE, Feature, FeatureSpec, Metric, Registry, assemble
from models.export import assert_parity, export_lightgbm
from models.scorers import OnnxScorer
from models.spec import Float32Array
from training.describe import Rows, describe
from training.fit import auc, fit, logistic_baseline
from training.intervals import with_interval

LAST = 8  # campaigns held out, by date
NUMBERS = ("double", "int", "uint", "duration")


def train(bundle: Path, state: Path, name: str = RESPONSE) -> dict[str, float | str]:
    """Train on the earlier campaigns, test on the last eight, export with parity, register.

    Args:
        bundle: the bundle's directory.
        state: holds `data/contacts.parquet`, the store and the models.
        name: one of the models that the bundle names; it is trained on the rows that it is to score.

    Returns:
        rows, base rates, areas under the curve on the later campaigns, parity, version.
    """
    labelled = state / "data" / "contacts.parquet"
    if not labelled.is_file():
        raise ValueError(f"{labelled}: there are no labelled contacts; `nba demo --state {state}` makes them")
    texts = {file: (bundle / file).read_text() for file in FILES if (bundle / file).is_file()}
    read = read_bundle(texts)
    contacts = _within(read.lineup, name, pd.read_parquet(labelled))
    spec = _spec(read, pd.read_parquet(state / "data" / "customers.parquet"), contacts)
    store = open_store(state)
    features = features_of(spec, contacts, store, read.derived)
    store.close()
    labels = contacts.label.to_numpy(np.int64)
    later = contacts.action_key.isin(_last(contacts)).to_numpy()
    booster = fit(features[~later], labels[~later])
    model = export_lightgbm(booster)
    gap = assert_parity(booster, model, features)
    metrics = _metrics(spec, features, contacts, OnnxScorer(model))
    manifest = describe(name, model, Rows(spec, features[~later], contacts[~later]), metrics)
    registry = Registry(state / "models")
    manifest = msgspec.structs.replace(manifest, parent=registry.parent(name, manifest.version))
    figures = {name: metric.value for name, metric in metrics.items()}
    return {**figures, "parity": gap, "version": registry.save(model, manifest)}


def _last(contacts: pd.DataFrame) -> list[str]:
    starts = contacts.groupby("action_key").start_ms.first().reset_index()
    return list(starts.sort_values(["start_ms", "action_key"]).action_key[-LAST:])


def _within(lineup: Lineup, name: str, contacts: pd.DataFrame) -> pd.DataFrame:
    """The contacts that a model would score."""
    if name not in lineup.names:
        raise ValueError(unknown("model", name, lineup.names))
    if name in lineup.online:
        raise ValueError(f"'{name}' is an online model, which learns from outcomes alone; name another one")
    for kind, wanted in lineup.scope_of(name).items():
        contacts = contacts[contacts[FIELD[kind]] == wanted]
    if contacts.action_key.nunique() <= LAST:
        raise ValueError(f"'{name}' has {contacts.action_key.nunique()} campaigns to learn from; it needs over {LAST}")
    return contacts.reset_index(drop=True)


def _spec(read: Bundle, people: pd.DataFrame, contacts: pd.DataFrame) -> FeatureSpec:
    """What the bundle's `models.yaml` declares, else all there is; categories that it does not name are the data's."""
    known = {f"customer.{column}": people[column] for column in people}
    known |= {f"action.{column}": contacts[column] for column in contacts}
    features = read.lineup.features or _every(read.schema.customer)
    return FeatureSpec(tuple(_with_categories(feature, known) for feature in features))


def _every(attributes: Mapping[str, str]) -> tuple[Feature, ...]:
    kinds = {"string": "categorical", "bool": "boolean", "timestamp": "age"} | dict.fromkeys(NUMBERS, "numeric")
    own = [Feature(f"customer.{name}", kinds[kind]) for name, kind in attributes.items() if kind in kinds]
    return (*own, Feature("action.group", "categorical"))


def _with_categories(feature: Feature, known: Mapping[str, "pd.Series[str]"]) -> Feature:
    if feature.kind != "categorical" or feature.categories or feature.name not in known:
        return feature
    # Sorted texts: for ages, incomes and sizes that is their order.
    return replace(feature, categories=tuple(sorted(set(known[feature.name]) - {""})))


def features_of(spec: FeatureSpec, contacts: pd.DataFrame, store: Store, derived: Derived) -> Float32Array:
    """Features as they stood when each campaign started: each record is lived through again up to that moment.

    Args:
        spec: F columns.
        contacts: N rows of customer_id, start_ms, and of the action its action_key, group, objective and channel.
        store: holds the customers and what they did.
        derived: which values there are.

    Returns:
        float32[N, F].
    """
    wanted = _Wanted(
        {feature.side.removeprefix("with_") for feature in spec.features if feature.side.startswith("with_")},
        derived.with_needed({family_of(feature.name.partition(".")[2]) for feature in spec.features}),
        derived,
    )
    columns = {feature.name: np.full(len(contacts), None, object) for feature in spec.features}
    rows = contacts.reset_index(drop=True).sort_values(["customer_id", "start_ms"]).to_dict("index")
    pairs = _records(((str(row["customer_id"]), int(row["start_ms"])) for row in rows.values()), store)
    told = track(
        zip(rows.items(), pairs, strict=True), "features", len(rows), console=Console(stderr=True), transient=True
    )
    for (at, row), record in told:
        for name, value in _facts(row, record, wanted).items():
            if name in columns:
                columns[name][at] = value
    return assemble(spec, columns, len(contacts), now_ms=contacts.start_ms.to_numpy(np.int64))


def _records(moments: Iterable[tuple[str, int]], store: Store) -> Iterator[Record | None]:
    """The record as it stood just before each moment; moments come by customer and then by time."""
    keeping, _ = store.kept()
    for customer_id, own in groupby(moments, itemgetter(0)):
        stored = store.load(customer_id)
        record = None if stored is None else rebuilt(stored, (), keeping)
        happened = sorted(store.interactions(customer_id), key=attrgetter("at_ms"))
        place = 0
        for _, now_ms in own:
            until = bisect_left(happened, now_ms, place, key=attrgetter("at_ms"))
            record = record and apply_interactions(record, happened[place:until], keeping)
            place = until
            yield record


class _Wanted(NamedTuple):
    """What features are read: kinds of dealings, families of derived values."""

    kinds: Collection[str]
    families: Collection[str]
    derived: Derived


def _facts(row: Mapping[str, object], record: Record | None, wanted: _Wanted) -> dict[str, object]:
    """Everything known of one contact at its moment, under qualified names."""
    known: dict[str, object] = {f"action.{name}": value for name, value in row.items()}
    if record is None:
        return known
    now_ms = int(str(row["start_ms"]))
    derived = values(AsOf(record, now_ms, wanted.derived), wanted.families)
    known |= {f"customer.{name}": value for name, value in {**derived, **record.attributes}.items()}
    for kind, by_name in dealings(record, now_ms, wanted.kinds).items():
        own = by_name.get(str(row[FIELD[kind]]), {})
        known |= {f"with_{kind}.{fact}": number for fact, number in own.items()}
    return known


def _metrics(
    spec: FeatureSpec, features: Float32Array, contacts: pd.DataFrame, scorer: OnnxScorer
) -> dict[str, Metric]:
    labels = contacts.label.to_numpy(np.int64)
    later = contacts.action_key.isin(_last(contacts)).to_numpy()
    customers, truth = contacts.customer_id[later].to_numpy(object), labels[later]
    plain = logistic_baseline(spec, features[~later], labels[~later], features[later])
    chances = scorer.score(features[later])
    return {
        "rows": Metric(float(len(labels)), None, None),
        "train_rows": Metric(float((~later).sum()), None, None),
        "base_rate_later": with_interval(lambda weights: float(np.average(truth, weights=weights)), customers),
        "auc_later": with_interval(lambda weights: auc(truth, chances, weights), customers),
        "auc_later_logistic": with_interval(lambda weights: auc(truth, plain, weights), customers),
    }
