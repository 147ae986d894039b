"""Messages to plain values; a bad field is named by its path."""

from collections.abc import Mapping
from typing import Any

import msgspec
from nba.v1 import common_pb2, customer_pb2, decision_pb2, interaction_pb2

from engine.customer.checks import FieldError
from engine.customer.identity import Link
from engine.customer.intake import Intake
from engine.customer.privacy import Signals
from engine.customer.record import Consent, Interaction, Record
from engine.customer.view import Sent
from engine.decide.consents import EVERYTHING
from engine.decide.faults import unknown
from engine.decide.request import Ask, Inline, Preferences, Request, Scalar
from engine.decide.snapshot import Snapshot
from engine.decide.values import DAY_MINUTES, fits
from engine.serve.limits import Limits


class Reader(Intake):
    """Reads requests against one snapshot and the server's limits."""

    def __init__(self, snapshot: Snapshot, limits: Limits) -> None:
        super().__init__(limits, snapshot.bundle.channel_of, snapshot.action_of)
        self.snapshot, self.limits = snapshot, limits

    def attributes(
        self, path: str, values: Mapping[str, common_pb2.Value], kinds: Mapping[str, str]
    ) -> dict[str, Scalar]:
        """Attributes of the types the schema declares; unset ones count as missing."""
        self.count(path, len(values), self.limits.attributes)
        read = {name: self._value(f"{path}[{name!r}]", name, value, kinds) for name, value in values.items()}
        return {name: value for name, value in read.items() if value is not None}

    def _value(self, path: str, name: str, value: common_pb2.Value, kinds: Mapping[str, str]) -> Scalar | None:
        if name not in kinds:
            raise FieldError(path[:300], unknown("attribute", name[:100], kinds))
        plain: Scalar | None = self._plain(path, value)
        if kinds[name] == "double" and type(plain) is int:
            plain = float(plain)
        if plain is not None and not fits(kinds[name], plain):
            raise FieldError(path, f"is {value.WhichOneof('kind')}; the schema says {kinds[name]}")
        return plain

    def _plain(self, path: str, value: common_pb2.Value) -> Any:
        """The value as Python has it; None when none is set."""
        kind = value.WhichOneof("kind")
        if kind == "list_value":
            self.count(path, len(value.list_value.values), self.limits.entries)
            return [self._plain(path, item) for item in value.list_value.values]
        if kind == "map_value":
            self.count(path, len(value.map_value.entries), self.limits.entries)
            return {self.name(path, key): self._plain(path, item) for key, item in value.map_value.entries.items()}
        plain = None if kind is None else getattr(value, kind)
        if isinstance(plain, str) and len(plain) > self.limits.text:
            raise FieldError(path, f"has {len(plain)} characters; at most {self.limits.text} are allowed")
        return self.finite(path, plain) if isinstance(plain, float) else plain

    def fitting(self, record: Record | None) -> Record | None:
        """A stored record without attributes that the schema has not, or has as another type: they count as missing."""
        if record is None:
            return None
        kinds = self.snapshot.bundle.schema.customer
        known = {name: kinds[name] for name in record.attributes if name in kinds}
        fit = {name: record.attributes[name] for name, kind in known.items() if fits(kind, record.attributes[name])}
        return record if len(fit) == len(record.attributes) else msgspec.structs.replace(record, attributes=fit)

    def consent(self, path: str, consent: common_pb2.Consent, now_ms: int) -> Consent:
        """One consent statement."""
        purpose = self.name(f"{path}.purpose", consent.purpose)
        channel = self.name(f"{path}.channel", consent.channel, empty=True)
        if channel:
            self.channel(f"{path}.channel", channel)
        source = self.name(f"{path}.source", consent.source, empty=True)
        at_ms = self.past(f"{path}.at_ms", consent.at_ms or now_ms, now_ms)
        basis = self.name(f"{path}.basis", consent.basis, empty=True) or "consent"
        expires_ms = self.moment(f"{path}.expires_at_ms", consent.expires_at_ms, 0)
        return Consent(purpose, channel, consent.granted, source, at_ms, basis, expires_ms)

    def statement(self, path: str, consent: common_pb2.Consent, now_ms: int) -> Consent:
        """A consent to be kept; of a purpose that no rule asks for, it would be acknowledged and never count."""
        read, declared = self.consent(path, consent, now_ms), self.snapshot.bundle.declared
        if read.purpose != EVERYTHING and declared.missing([read.purpose]):
            raise FieldError(f"{path}.purpose", unknown("purpose", read.purpose, declared.purposes))
        return read

    def preferences(self, path: str, message: common_pb2.Preferences, now_ms: int) -> Preferences:
        """The customer's own rules."""
        self.count(f"{path}.topics_off", len(message.topics_off), self.limits.entries)
        self.count(f"{path}.less", len(message.less), self.limits.entries)
        off = tuple(self.name(f"{path}.topics_off[{i}]", topic) for i, topic in enumerate(message.topics_off))
        less = {
            self.name(f"{path}.less", topic): self.past(f"{path}.less[{topic[:100]!r}]", said_ms or now_ms, now_ms)
            for topic, said_ms in message.less.items()
        }
        until_ms = self.moment(f"{path}.snoozed_until_ms", message.snoozed_until_ms, 0)
        most = message.at_most_a_week if message.HasField("at_most_a_week") else None
        channel = self.channel(f"{path}.channel", message.channel) if message.channel else ""
        return Preferences(off, less, until_ms, most, channel, self._hours(f"{path}.hours", message))

    def _hours(self, path: str, message: common_pb2.Preferences) -> tuple[int, int] | None:
        if not message.HasField("hours"):
            return None
        hours = message.hours.from_minute, message.hours.to_minute
        if max(hours) > DAY_MINUTES:
            raise FieldError(path, f"is {hours[0]} to {hours[1]}; a day has {DAY_MINUTES} minutes")
        return hours

    def customer(self, message: decision_pb2.Customer, now_ms: int) -> Sent:
        """Who the decision is for."""
        if not (message.id or message.attributes or message.consents or message.HasField("privacy")):
            raise FieldError("customer", "needs an id, inline attributes or inline consents")
        customer_id = self.name("customer.id", message.id, empty=True)
        zone = self.zone("customer.time_zone", message.time_zone)
        self.count("customer.consents", len(message.consents), self.limits.consents)
        consents = (self.consent(f"customer.consents[{i}]", c, now_ms) for i, c in enumerate(message.consents))
        attributes = self.attributes("customer.attributes", message.attributes, self.snapshot.bundle.schema.customer)
        signals = Signals(
            self._signal("tcf", message.privacy.tcf), self._signal("gpp", message.privacy.gpp), message.privacy.gpc
        )
        return Sent(customer_id, attributes, tuple(consents), zone, signals)

    def _signal(self, name: str, text: str) -> str:
        if len(text) > self.limits.signal:
            raise FieldError(f"customer.privacy.{name}", f"has {len(text)} characters; at most {self.limits.signal}")
        return text

    def request(self, message: decision_pb2.DecideRequest, now_ms: int, seed: int) -> Request:
        """The question; `now_ms` and `seed` stand in where the caller sent none."""
        self.name("request_id", message.request_id, empty=True)
        self.count("channels", len(message.channels), self.limits.channels)
        if not message.channels:
            raise FieldError("channels", "must name at least one channel")
        self.count("action_keys", len(message.action_keys), self.limits.candidates)
        self.count("inline_candidates", len(message.inline_candidates), self.limits.inline_candidates)
        if message.reserve_s > self.limits.reserve_s:
            raise FieldError("reserve_s", f"is {message.reserve_s}; at most {self.limits.reserve_s} s are reserved")
        if message.explain not in decision_pb2.ExplainLevel.values():
            raise FieldError("explain", f"{message.explain} is no level")
        return Request(
            asks=self._asks(message, now_ms),
            now_ms=self.moment("now_ms", message.now_ms, now_ms),
            seed=message.seed or seed,
            context=self.attributes("context", message.context, self.snapshot.bundle.schema.request),
            action_keys=tuple(self._action(f"action_keys[{i}]", key) for i, key in enumerate(message.action_keys)),
            inline=self._inlines(message),
        )

    def simulated(self, message: decision_pb2.DecideRequest, now_ms: int) -> bool:
        """Whether a request asks what would be at another moment: further from now than clocks may differ."""
        return bool(message.now_ms) and abs(message.now_ms - now_ms) > self.limits.ahead_ms

    def _asks(self, message: decision_pb2.DecideRequest, now_ms: int) -> tuple[Ask, ...]:
        usual = bool(message.customer.id) and not self.simulated(message, now_ms)
        asks = tuple(self._ask(f"channels[{i}]", ask, usual=usual) for i, ask in enumerate(message.channels))
        if not message.customer.id and any(ask.reserve for ask in asks):
            raise FieldError("customer.id", "is empty; what is reserved needs somebody to be reserved for")
        seen: set[tuple[str, str]] = set()
        for index, ask in enumerate(asks):
            if (ask.channel, ask.placement) in seen:
                raise FieldError(f"channels[{index}]", "asks the same channel and placement twice")
            seen.add((ask.channel, ask.placement))
        return asks

    def _ask(self, path: str, ask: decision_pb2.ChannelRequest, *, usual: bool) -> Ask:
        channel = self.channel(f"{path}.channel", ask.channel)
        places = self.snapshot.bundle.channel_of[channel].placements
        if ask.reserve not in decision_pb2.ReserveMode.values():
            raise FieldError(f"{path}.reserve", f"{ask.reserve} is no mode")
        if ask.placement and ask.placement not in places:
            raise FieldError(f"{path}.placement", unknown("placement", ask.placement[:100], places))
        if ask.limit > self.limits.ranked:
            raise FieldError(f"{path}.limit", f"is {ask.limit}; at most {self.limits.ranked} are ranked")
        chosen = ask.reserve == decision_pb2.RESERVE_MODE_YES
        unsaid = ask.reserve == decision_pb2.RESERVE_MODE_UNSPECIFIED
        reserve = chosen or (unsaid and usual and self.snapshot.bundle.channel_of[channel].outbound)
        return Ask(channel, ask.placement, ask.limit or 1, reserve)

    def _action(self, path: str, key: str) -> str:
        if self.name(path, key) not in self.snapshot.action_of:
            raise FieldError(path, f"unknown action '{key}'")
        return key

    def _inlines(self, message: decision_pb2.DecideRequest) -> tuple[Inline, ...]:
        read = [self._inline(f"inline_candidates[{i}]", c) for i, c in enumerate(message.inline_candidates)]
        seen = set(self.snapshot.action_of) if read else set()
        for index, candidate in enumerate(read):
            if candidate.action_key in seen:
                raise FieldError(f"inline_candidates[{index}].action_key", "stands twice or in the catalogue")
            seen.add(candidate.action_key)
        return tuple(read)

    def _inline(self, path: str, message: decision_pb2.InlineCandidate) -> Inline:
        self.count(f"{path}.purposes", len(message.purposes), self.limits.purposes)
        if not message.purposes:
            raise FieldError(f"{path}.purposes", "must name at least one purpose; nothing passes without consent")
        kinds = self.snapshot.bundle.schema.action
        return Inline(
            self.name(f"{path}.action_key", message.action_key),
            self.name(f"{path}.group", message.group),
            self.name(f"{path}.objective", message.objective),
            tuple(self.name(f"{path}.purposes[{i}]", purpose) for i, purpose in enumerate(message.purposes)),
            self.finite(f"{path}.value", message.value),
            self.attributes(f"{path}.attributes", message.attributes, kinds),
        )

    def linked(self, message: customer_pb2.LinkRequest, now_ms: int) -> list[Link]:
        """Links of one id with others."""
        return self.links(message.customer_id, message.also_known_as, message.at_ms, message.source, now_ms)

    def reported(self, path: str, message: interaction_pb2.Interaction, now_ms: int) -> Interaction:
        """One interaction; what is not set is absent."""
        return self.interaction(path, {field.name: value for field, value in message.ListFields()}, now_ms)
