"""Everything compiled, immutable, swapped whole."""

import hashlib
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from engine.decide.actions import Action
from engine.decide.arbitration import Arbiter, build_arbiter
from engine.decide.bundle import Bundle
from engine.decide.catalogue import BoolArray, Catalogue, build_catalogue
from engine.decide.consents import ConsentBlock, SuppressionBlock
from engine.decide.contacts import ContactBlock
from engine.decide.corrections import Corrections, learned_over
from engine.decide.derived import family_of
from engine.decide.engagement import PolicyBlock
from engine.decide.gates import Gates
from engine.decide.lookups import TableBlock
from engine.decide.needs import Needs
from engine.decide.preferences import PreferenceBlock
from engine.decide.quiet import QuietBlock
from engine.decide.request import Inline, Request
from engine.decide.scoring import Contender, Scoring
from engine.decide.selection import Exploring, Greedy, Selector
from engine.decide.sequences import SequenceBlock
from engine.decide.windows import WindowBlock
from engine.decide.worth import Worth
from models import NOTHING, Learned


@dataclass(frozen=True)
class Snapshot:
    """One version of rules, catalogue and model.

    Args:
        version: digest of the bundle's files and the model.
        scoring: the models over the rows.
        worth: the other factors of a row's priority.
        arbiter: what makes the priority of them.
        corrections: what outcomes taught since; swapped more often than the rest.
    """

    version: str
    bundle: Bundle
    catalogue: Catalogue
    gates: Gates
    scoring: Scoring
    worth: Worth
    arbiter: Arbiter
    corrections: Corrections

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
        catalogue = compile_rows(self.bundle, actions)
        return replace(
            self,
            catalogue=catalogue,
            gates=build_gates(self.bundle, catalogue),
            scoring=self.scoring.over(catalogue),
            worth=Worth(self.bundle, catalogue),
            corrections=self.corrections.over(catalogue),
        )

    def taught(self, learned: Learned) -> "Snapshot":
        """The same snapshot with what was learned; nothing where the bundle says `adaptive: off`."""
        adaptive, taught = (
            self.bundle.adaptive,
            copy(self),
        )  # `replace` would throw away what was worked out of the rest
        if adaptive:
            corrections = learned_over(learned, adaptive.optimism, self.catalogue)
            object.__setattr__(taught, "corrections", corrections)
            object.__setattr__(taught, "scoring", self.scoring.taught(learned))
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
    bundle: Bundle, texts: Mapping[str, str], contenders: Sequence[Contender], previous: Snapshot | None = None
) -> Snapshot:
    """Compile a bundle and its models into one snapshot.

    Args:
        bundle: as `read_bundle` returns it.
        texts: the bundle's files, for the version's digest.
        contenders: every model that the bundle names.
        previous: the snapshot in force; what its models prepared for the same rows is taken over.
    """
    catalogue = compile_rows(bundle, bundle.actions)
    scoring = _scoring(bundle, contenders, catalogue, previous)
    return Snapshot(
        version=_version(texts, scoring),
        bundle=bundle,
        catalogue=catalogue,
        gates=build_gates(bundle, catalogue),
        scoring=scoring,
        worth=Worth(bundle, catalogue),
        arbiter=build_arbiter(bundle.valuation),
        corrections=learned_over(NOTHING, 0.5, catalogue),
    )


def _version(texts: Mapping[str, str], scoring: Scoring) -> str:
    """Digest of the files, the models and how each is asked: two ways to score differ in the last bits."""
    digest = hashlib.sha256()
    for model in scoring.models.values():
        digest.update(f"{model.title} {type(model.scorer).__name__}\0".encode())
    for name in sorted(texts):
        digest.update(name.encode() + b"\0" + texts[name].encode() + b"\0")
    return digest.hexdigest()[:12]


def _scoring(
    bundle: Bundle, contenders: Sequence[Contender], catalogue: Catalogue, previous: Snapshot | None
) -> Scoring:
    if previous and previous.scoring.of(bundle.lineup, contenders) and previous.catalogue.reads_as(catalogue):
        return previous.scoring
    return Scoring(bundle.lineup, contenders, catalogue)


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
        SequenceBlock(bundle.derived.sequences, catalogue),
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
