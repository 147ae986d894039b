"""What a good interaction is: the one definition for calls, files and the collector."""

import re
from collections.abc import Collection, Mapping

from engine.customer.checks import Bounds, Checks, FieldError, kind_of
from engine.customer.record import Interaction
from engine.decide.actions import Action
from engine.decide.bundle import Bundle
from engine.decide.faults import unknown
from engine.decide.values import moment_ms

NEEDED = ("key", "customer_id", "kind")
OPTIONAL = ("channel", "placement", "action_key", "group", "objective", "decision_id", "also_known_as")
TEXTS = (*NEEDED, *OPTIONAL)
NUMBERS = ("amount", "discount")
FIELDS = (*TEXTS, "at_ms", *NUMBERS)
EPOCH = re.compile(r"-?[0-9]{1,19}")
MOMENT = 64  # characters; the longest ISO 8601 moment in use has 35


class Intake(Checks):
    """Takes interactions from plain values.

    Args:
        bounds: of every value.
        channels: those of `channels.yaml`; None takes any, as an import without a bundle does.
        actions: key -> action; an interaction with a known one has that action's group and objective, whatever it says.
    """

    def __init__(self, bounds: Bounds, channels: Collection[str] | None, actions: Mapping[str, Action]) -> None:
        super().__init__(bounds)
        self.channels, self.actions = channels, actions

    def interaction(self, path: str, fields: Mapping[str, object], now_ms: int) -> Interaction:
        """One interaction; the kind is any name, since what customers do is open-ended.

        Args:
            path: of the interaction itself, empty when it stands alone.
            fields: by the names of `FIELDS`, as JSON has them; another may be one of them misspelt.
            now_ms: the moment of arrival; stands in where `at_ms` is absent.

        Raises:
            FieldError: with the path of the first field that cannot be taken.
        """
        start = f"{path}." if path else ""
        if others := sorted(fields.keys() - set(FIELDS)):
            raise FieldError(start + others[0][:100], unknown("field", others[0][:100], FIELDS))
        texts = {name: self.text(start + name, fields.get(name)) for name in NEEDED}
        self.id(f"{start}customer_id", texts["customer_id"])
        texts |= {name: self.text(start + name, fields[name], empty=True) for name in OPTIONAL if name in fields}
        if other := texts.get("also_known_as"):
            self.other_id(f"{start}also_known_as", other, texts["customer_id"])
        if channel := texts.get("channel"):
            self.channel(f"{start}channel", channel)
        if action := self.actions.get(texts.get("action_key", "")):
            texts |= {"group": action.group, "objective": action.objective}
        amount, discount = (self._amount(start + name, fields[name]) if name in fields else 0.0 for name in NUMBERS)
        said_ms = epoch_ms(f"{start}at_ms", fields.get("at_ms"))
        at_ms = now_ms if said_ms is None else self.past(f"{start}at_ms", said_ms, now_ms)
        return Interaction(**texts, at_ms=at_ms, amount=amount, discount=discount)

    def channel(self, path: str, name: str) -> str:
        """A channel of the bundle."""
        if self.channels is not None and self.name(path, name) not in self.channels:
            raise FieldError(path, unknown("channel", name, self.channels))
        return name

    def _amount(self, path: str, value: object) -> float:
        if value is None:
            return 0.0
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise FieldError(path, f"is {kind_of(value)}; a number is needed")
        if isinstance(value, float):
            self.finite(path, value)
        if abs(value) > self.bounds.amount:
            raise FieldError(path, f"must lie between -{self.bounds.amount:,} and {self.bounds.amount:,}")
        return float(value)


def of_bundle(bundle: Bundle, bounds: Bounds) -> Intake:
    """The intake of a bundle: its channels are the only ones, its actions bring group and objective."""
    return Intake(bounds, bundle.channel_of, {action.key: action for action in bundle.actions})


def epoch_ms(path: str, value: object) -> int | None:
    """Epoch milliseconds from a number or a text; None where there is none."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise FieldError(path, f"is {kind_of(value)}; epoch milliseconds or an ISO 8601 text are needed")
    if EPOCH.fullmatch(value):
        return int(value)
    try:
        return moment_ms(value[:MOMENT])
    except ValueError as error:
        raise FieldError(path, str(error)) from None
