"""A small client: what the commands use to talk to a server."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import grpc
from google.protobuf import json_format
from nba.v1 import customer_pb2, customer_pb2_grpc, decision_pb2, decision_pb2_grpc

LEVELS = {
    "none": decision_pb2.EXPLAIN_LEVEL_NONE,
    "full": decision_pb2.EXPLAIN_LEVEL_FULL,
    "what_if": decision_pb2.EXPLAIN_LEVEL_WHAT_IF,
}


class Client:
    """A connection to one server; use it in a `with`.

    Args:
        target: `host:port`.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self._channel = grpc.insecure_channel(target)
        self._decisions = decision_pb2_grpc.DecisionServiceStub(self._channel)
        self._customers = customer_pb2_grpc.CustomerServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def ask(
        self, customer: str, channels: Sequence[str], *, limit: int = 3, level: str = "none", now_ms: int = 0
    ) -> decision_pb2.DecideResponse:
        """One `Decide` for a stored customer.

        Raises:
            RuntimeError: with the server's or the connection's words.
        """
        request = decision_pb2.DecideRequest(
            customer=decision_pb2.Customer(id=customer),
            channels=[_asked(channel, limit) for channel in channels],
            explain=LEVELS[level],
            now_ms=now_ms,
        )
        with self._in_words():
            reply: decision_pb2.DecideResponse = self._decisions.Decide(request, timeout=10)
        return reply

    def watch(self, customer: str) -> Iterator[customer_pb2.GetResponse]:
        """A stored customer's record as it stands, and again after every change.

        Raises:
            RuntimeError: with the server's or the connection's words.
        """
        with self._in_words():
            for reply in self._customers.Watch(customer_pb2.WatchRequest(customer_id=customer)):
                yield reply.record

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            raise RuntimeError(f"{self.target}: {error.code().name}: {error.details()}") from error


def _asked(channel: str, limit: int) -> decision_pb2.ChannelRequest:
    """To look is not to send: a command takes nothing from the caps."""
    return decision_pb2.ChannelRequest(channel=channel, limit=limit, reserve=decision_pb2.RESERVE_MODE_NO)


def _seen(reason: decision_pb2.Reason) -> str:
    """The values a rule saw, in brackets."""
    values = {name: getattr(value, value.WhichOneof("kind") or "int_value") for name, value in reason.saw.items()}
    return f" ({', '.join(f'{name} is {value}' for name, value in sorted(values.items()))})" if values else ""


def _learned(action: decision_pb2.RankedAction) -> str:
    """What outcomes made of the model's word, in brackets; nothing when they made nothing of it."""
    said = f" (model {action.model_propensity:.4f}, maturity {action.maturity:.2f})"
    return said if action.propensity != action.model_propensity else ""


def _ranked(action: decision_pb2.RankedAction) -> Iterator[str]:
    """One ranked action; below it what its value is made of and what decided, where that was asked for."""
    weighed = f"  lever {action.lever:.2f}  weight {action.weight:.2f}" if action.HasField("lever") else ""
    chance = f"propensity {action.propensity:.4f}{_learned(action)}"
    worth = f"value {action.value:.2f}{weighed}  priority {action.priority:.4f}"
    yield f"  {action.rank}. {action.action_key}  {chance}  {worth}"
    # Adding nought takes the sign off a nought: a cost of nothing is not -0.00.
    parts = [f"{part.name} {part.value + 0.0:.2f}{' (capped)' if part.capped else ''}" for part in action.components]
    if parts:
        yield f"     value: {', '.join(parts)}"
    if action.sensitivity:
        yield f"     {action.sensitivity}"


def as_words(reply: decision_pb2.DecideResponse, *, as_json: bool) -> str:
    """The answer for a person, or as one JSON object."""
    if as_json:
        return json_format.MessageToJson(reply, preserving_proto_field_name=True, indent=None)
    lines = []
    for answer in reply.channels:
        lines.append(f"{answer.channel}: {'' if answer.actions else 'nothing'}")
        for action in answer.actions:
            lines += _ranked(action)
    return "\n".join([*lines, *_held_back(reply.trace)])


def _held_back(trace: Iterable[decision_pb2.Reason]) -> Iterator[str]:
    """One line for each reason in each channel, with all the actions it holds back."""
    actions: dict[str, list[str]] = {}
    for reason in trace:
        words = f"{reason.kind} '{reason.gate}': {reason.text}{_seen(reason)}; to lift it: {reason.change}"
        actions.setdefault(f"in {reason.channel} by {words}", []).append(reason.action_key)
    for words, held in actions.items():
        yield f"  held back {words}\n    {', '.join(held)}"
