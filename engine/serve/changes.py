"""What changed in a record, in words: what `nba customer watch` prints."""

from collections.abc import Mapping

from google.protobuf import json_format
from nba.v1 import common_pb2, customer_pb2


def changed(before: customer_pb2.GetResponse | None, after: customer_pb2.GetResponse) -> str:
    """One line: the names whose values differ, each with the old one and the new one; "-" stands for none.

    Args:
        before: None for the first look, which counts what there is.
        after: the record as it stands.
    """
    new = _facts(after)
    if before is None:
        return f"{after.customer_id}, revision {after.revision}: {len(new)} facts"
    old = _facts(before)
    differ = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    told = ", ".join(f"{name} {old.get(name, '-')} -> {new.get(name, '-')}" for name in differ)
    return f"{after.customer_id}, revision {after.revision}: {told or 'nothing that shows'}"


def _facts(record: customer_pb2.GetResponse) -> dict[str, str]:
    """Everything that is told of a customer, name -> text."""
    facts = _texts(record.attributes) | _texts(record.values)
    for consent in record.consents:
        name = f"consent:{consent.purpose}:{consent.channel}".rstrip(":")
        facts[name] = "yes" if consent.granted and facts.get(name) != "no" else "no"  # of several ids the strictest
    asked = json_format.MessageToDict(record.preferences, preserving_proto_field_name=True)
    return facts | {f"preference:{name}": str(value) for name, value in asked.items()}


def _texts(values: Mapping[str, common_pb2.Value]) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items()}


def _text(value: common_pb2.Value) -> str:
    """Numbers to two places: those that merely grow with time do not show as changes for a quarter of an hour."""
    if value.HasField("double_value"):
        return f"{value.double_value:.2f}"
    return str(json_format.MessageToDict(value).popitem()[1]) if value.WhichOneof("kind") else "-"
