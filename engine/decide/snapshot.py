"""Everything compiled, immutable, swapped whole."""

import hashlib
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from engine.decide.actions import Action
from engine.decide.arbitration import Arbiter, build_arbiter
from engine.decide.bundle import Bundle
from engine.decide.catalogue import BoolArray, Catalogue, build_catalogue
from engine.decide.channels import Channel
from engine.decide.consents import ConsentBlock, SuppressionBlock
from engine.decide.contacts import ContactBlock
from engine.decide.corrections import Corrections, learned_over
from engine.decide.derived import family_of
from engine.decide.engagement import PolicyBlock
from engine.decide.gates import Block, Gates
from engine.decide.lookups import TableBlock
from engine.decide.needs import Needs
from engine.decide.parts import Made, Parts
from engine.decide.policies import ContactPolicy, Policy
from engine.decide.preferences import PreferenceBlock
from engine.decide.purposes import Declared
from engine.decide.quiet import QuietBlock
from engine.decide.request import Inline, Request
from engine.decide.scoring import Contender, Scoring, build_models
from engine.decide.selection import Exploring, Greedy, Selector
from engine.decide.sequences import SequenceBlock
from engine.decide.windows import WindowBlock
from engine.decide.worth import Worth
from models import NOTHING, Learned
from rules import Schema


@dataclass(frozen=True)
class Snapshot:
    """One version of rules, catalogue and model.

    Args:
        version: digest of the bundle's files and the model.
        scoring: the models over the rows.
        worth: the other factors of a row's priority.
        arbiter: what makes the priority of them.
        corrections: what outcomes taught since; swapped more often than the rest.
        texts: the bundle's files, name -> content.
        made: its parts, for the next snapshot to take over.
    """

    version: str
    bundle: Bundle
    catalogue: Catalogue
    gates: Gates
    scoring: Scoring
    worth: Worth
    arbiter: Arbiter
    corrections: Corrections
    texts: Mapping[str, str]
    made: Made

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

    @cached_property
    def selector(self) -> Selector:
        """Greedy, unless some objective explores."""
        ways, codes = self.bundle.explore, self.catalogue.objectives
        return Exploring({codes[name]: ways[name] for name in ways if name in codes}) if ways else Greedy()

    @cached_property
    def consents(self) -> set[tuple[str, str]]:
        """Every (purpose, channel) a decision may ask about."""
        channels = self.catalogue.names("channel")
        return {(p, str(c)) for have, c in zip(self.catalogue.purposes, channels, strict=True) for p in have}

    def needs(self, request: Request) -> Needs:
        """What a decision must know of the customer."""
        consents = self.consents | request.consents
        return Needs(consents, self.bundle.declared, self.scoring.dealings, self.bundle.derived, self.families)

    @cached_property
    def families(self) -> frozenset[str]:
        """The families of derived values that some condition, table or model reads, and what these need."""
        reads = {name for policy in self.bundle.policies for name in policy.expression.reads}
        reads |= {name for table in self.bundle.tables for name in table.columns}
        reads |= self.scoring.reads | self.bundle.valuation.reads
        own = {family_of(name.removeprefix("customer.")) for name in reads if name.startswith("customer.")}
        return self.bundle.derived.with_needed(own)

    def with_inline(self, request: Request) -> "Snapshot":
        """The same rules over the candidates that a request brings, with the catalogue's actions that it names.

        Itself where the request brings none.
        """
        if not request.inline:
            return self
        asked = tuple(sorted({ask.channel for ask in request.asks}))  # a row that nobody asks for is not compiled
        actions = (
            *(self.action_of[key] for key in sorted(set(request.action_keys))),
            *(_action(candidate, asked) for candidate in request.inline),
        )
        bundle, parts = self.bundle, Parts()
        catalogue = compile_rows(actions, bundle.schema, bundle.channels, bundle.policies, bundle.contacts)
        return replace(
            self,
            catalogue=catalogue,
            gates=build_gates(bundle, catalogue, parts),
            scoring=self.scoring.over(catalogue),
            worth=Worth(bundle, catalogue, parts),
            corrections=self.corrections.over(catalogue),
        )

    def taught(self, learned: Learned, before: "Snapshot | None" = None) -> "Snapshot":
        """The same snapshot with what was learned; nothing where the bundle says `adaptive: off`.

        Args:
            learned: the version in force.
            before: a snapshot whose corrections are taken over where they are of the same version, rows and settings,
                and with them what its online models know.
        """
        taught = copy(self)  # `replace` would throw away what was worked out of the rest
        if self.bundle.adaptive:
            same = before and before.catalogue is self.catalogue and before.bundle.adaptive == self.bundle.adaptive
            held = before.corrections if before and same else None
            if held is None or held.version != learned.version:
                held = learned_over(learned, self.bundle.adaptive.optimism, self.catalogue)
            object.__setattr__(taught, "corrections", held)
            object.__setattr__(taught, "scoring", self.scoring.taught(learned, before.scoring if before else None))
        return taught


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
    bundle: Bundle,
    texts: Mapping[str, str],
    contenders: Sequence[Contender],
    ways: Mapping[str, str] = MappingProxyType({}),
    parts: Parts | None = None,
) -> Snapshot:
    """Compile a bundle and its models into one snapshot.

    Args:
        bundle: as `read_bundle` returns it.
        texts: the bundle's files.
        contenders: every model that the bundle names.
        ways: name of a model -> how its rows are scored, where that was found out before.
        parts: where what is made of the same is taken over from; those that the bundle was read with.
    """
    parts = parts or Parts()
    catalogue = parts.make(
        compile_rows, bundle.actions, bundle.schema, bundle.channels, bundle.policies, bundle.contacts
    )
    scoring = Scoring(bundle.lineup, build_models(contenders, catalogue, ways, parts), catalogue)
    return Snapshot(
        version=_version(texts, scoring),
        bundle=bundle,
        catalogue=catalogue,
        gates=build_gates(bundle, catalogue, parts),
        scoring=scoring,
        worth=Worth(bundle, catalogue, parts),
        arbiter=parts.make(build_arbiter, bundle.valuation),
        corrections=learned_over(NOTHING, 0.5, catalogue),
        texts=texts,
        made=parts.made,
    )


def _version(texts: Mapping[str, str], scoring: Scoring) -> str:
    """Digest of the files, the models and how each is asked: two ways to score differ in the last bits."""
    digest = hashlib.sha256()
    for model in scoring.models.values():
        digest.update(f"{model.title} {type(model.scorer).__name__}\0".encode())
    for name in sorted(texts):
        digest.update(name.encode() + b"\0" + texts[name].encode() + b"\0")
    return digest.hexdigest()[:12]


def build_gates(bundle: Bundle, catalogue: Catalogue, parts: Parts) -> Gates:
    """Every gate over a catalogue, kind by kind in the order of the stages."""
    marketing = parts.make(_marketing, catalogue, bundle.declared)
    blocks = (
        parts.make(SuppressionBlock, catalogue),
        parts.make(_consents, catalogue, bundle.declared),
        parts.make(WindowBlock, catalogue),
        parts.make(PolicyBlock, bundle.policies, catalogue),
        parts.make(TableBlock, bundle.tables, catalogue),
        parts.make(SequenceBlock, bundle.derived.sequences, catalogue),
        parts.make(_preferences, catalogue, marketing),
        parts.make(ContactBlock, bundle.contacts, catalogue, marketing),
        parts.make(QuietBlock, bundle.channels, catalogue),
    )
    return parts.make(_gates, catalogue.size, *blocks)


def _marketing(catalogue: Catalogue, declared: Declared) -> BoolArray:
    """bool[R]: the rows that are no exempt notices."""
    exempt = declared.exempt
    return np.array([not set(purposes) <= exempt for purposes in catalogue.purposes], np.bool_)


def _consents(catalogue: Catalogue, declared: Declared) -> ConsentBlock:
    return ConsentBlock(catalogue, declared.exempt)


def _preferences(catalogue: Catalogue, marketing: BoolArray) -> PreferenceBlock:
    return PreferenceBlock(catalogue, np.flatnonzero(marketing))


def _gates(size: int, *blocks: Block) -> Gates:
    return Gates(blocks, size)


def compile_rows(
    actions: Sequence[Action],
    schema: Schema,
    channels: Sequence[Channel],
    policies: Sequence[Policy],
    contacts: Sequence[ContactPolicy],
) -> Catalogue:
    """The rows of some actions; placements get rows of their own where a rule tells them apart."""
    scopes = [*(policy.scope for policy in policies), *(contact.scope for contact in contacts)]
    told_apart = any("placement" in scope for scope in scopes) or any(c.per == "placement" for c in contacts)
    placements = {channel.name: channel.placements for channel in channels if told_apart}
    return build_catalogue(actions, schema.action, placements)
