"""Everything compiled, immutable, swapped whole."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from engine.decide.actions import Action
from engine.decide.bundle import Bundle
from engine.decide.catalogue import BoolArray, Catalogue, build_catalogue
from engine.decide.consents import ConsentBlock, SuppressionBlock
from engine.decide.contacts import ContactBlock
from engine.decide.engagement import PolicyBlock
from engine.decide.gates import Gates
from engine.decide.lookups import TableBlock, Worth
from engine.decide.preferences import PreferenceBlock
from engine.decide.quiet import QuietBlock
from engine.decide.request import Inline, Scalar
from engine.decide.windows import WindowBlock
from models import FeatureSpec, Inputs, OnnxRows, RowScorer, RowTable, Scorer


@dataclass(frozen=True)
class Snapshot:
    """One version of rules, catalogue and model.

    Args:
        version: digest of the bundle's files and the model.
        table: the rows' features, as the full model reads them.
        scoring: the full model over the table.
        scorer: the full model over any features.
        prior: stands in when time is short.
    """

    version: str
    bundle: Bundle
    catalogue: Catalogue
    gates: Gates
    table: RowTable
    scoring: RowScorer
    scorer: Scorer
    prior: Scorer

    @cached_property
    def action_of(self) -> dict[str, Action]:
        """Action key -> action."""
        return {action.key: action for action in self.bundle.actions}

    @cached_property
    def fallback_rows(self) -> BoolArray:
        """bool[R]: each channel's fallback action in its channel."""
        rows = np.zeros(self.catalogue.size, np.bool_)
        for channel, action in self.bundle.fallback.items():
            rows[self.catalogue.governed({"channel": channel, "action": action})] = True
        return rows

    def inputs(self, facts: Mapping[str, Scalar], context: Mapping[str, Scalar], now_ms: int) -> Inputs:
        """What the model reads of one request.

        Args:
            facts, context: of the customer and the request.
            now_ms: the moment that ages are counted to.
        """
        read: dict[str, object] = {f"customer.{name}": value for name, value in facts.items()}
        read |= {f"request.{name}": value for name, value in context.items()}
        return self.table.inputs(read, {}, now_ms)

    @cached_property
    def worth(self) -> Worth:
        """What tables say rows are worth."""
        return Worth(self.bundle.tables, self.catalogue)

    @cached_property
    def consents(self) -> set[tuple[str, str]]:
        """Every (purpose, channel) a decision may ask about."""
        channels = self.catalogue.names("channel")
        return {(p, str(c)) for have, c in zip(self.catalogue.purposes, channels, strict=True) for p in have}

    def with_inline(self, inline: Sequence[Inline], keys: Sequence[str]) -> "Snapshot":
        """The same rules over the candidates that one request brings, and the catalogue's actions it names beside them.

        Args:
            inline: what the catalogue does not hold.
            keys: actions that it does.
        """
        if not inline:
            return self
        own = tuple(channel.name for channel in self.bundle.channels)
        actions = (
            *(self.action_of[key] for key in sorted(set(keys))),
            *(_action(candidate, own) for candidate in inline),
        )
        catalogue = compile_rows(self.bundle, actions)
        table = build_table(self.table.spec, catalogue)
        gates, scoring = build_gates(self.bundle, catalogue), OnnxRows(table, self.scorer)
        return replace(self, catalogue=catalogue, gates=gates, table=table, scoring=scoring)


def _action(candidate: Inline, channels: tuple[str, ...]) -> Action:
    return Action(
        candidate.action_key,
        candidate.objective,
        candidate.group,
        candidate.purposes,
        candidate.value,
        channels=channels,
        attributes=candidate.attributes,
    )


def build_snapshot(
    bundle: Bundle, texts: Mapping[str, str], spec: FeatureSpec, scorers: tuple[Scorer, Scorer], model: str
) -> Snapshot:
    """Compile a bundle and a model into one snapshot.

    Args:
        bundle: as `read_bundle` returns it.
        texts: the bundle's files, for the version's digest.
        spec: the model's features.
        scorers: the full model and the prior.
        model: the model's version.
    """
    digest = hashlib.sha256(model.encode())
    for name in sorted(texts):
        digest.update(name.encode() + b"\0" + texts[name].encode() + b"\0")
    catalogue = compile_rows(bundle, bundle.actions)
    gates = build_gates(bundle, catalogue)
    table = build_table(spec, catalogue)
    return Snapshot(digest.hexdigest()[:12], bundle, catalogue, gates, table, OnnxRows(table, scorers[0]), *scorers)


def build_table(spec: FeatureSpec, catalogue: Catalogue) -> RowTable:
    """The features of a catalogue's rows."""
    columns = {f"action.{name}": column for name, column in catalogue.columns.items()}
    keys = {kind: catalogue.names(kind) for kind in ("group", "objective", "channel", "action")}
    return RowTable(spec, columns, keys, catalogue.size)


def build_gates(bundle: Bundle, catalogue: Catalogue) -> Gates:
    """Every gate over a catalogue, kind by kind in the order of the stages."""
    exempt = bundle.declared.exempt
    marketing = np.array([not set(purposes) <= exempt for purposes in catalogue.purposes], np.bool_)
    blocks = (
        SuppressionBlock(catalogue),
        ConsentBlock(catalogue, exempt),
        WindowBlock(catalogue),
        PolicyBlock(bundle.policies, catalogue),
        TableBlock(bundle.tables, catalogue),
        PreferenceBlock(catalogue, np.flatnonzero(marketing)),
        ContactBlock(bundle.contacts, catalogue, marketing),
        QuietBlock(bundle.channels, catalogue),
    )
    return Gates(blocks, catalogue.size)


def compile_rows(bundle: Bundle, actions: Sequence[Action]) -> Catalogue:
    """The rows of some actions; placements get rows of their own where a rule tells them apart."""
    scopes = [*(policy.scope for policy in bundle.policies), *(contact.scope for contact in bundle.contacts)]
    told_apart = any("placement" in scope for scope in scopes) or any(c.per == "placement" for c in bundle.contacts)
    placements = {channel.name: channel.placements for channel in bundle.channels if told_apart}
    return build_catalogue(actions, bundle.schema.action, bundle.levers, placements)
