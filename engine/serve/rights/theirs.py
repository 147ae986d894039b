"""What of the journal is about some people: which entries of a segment, and which rows in Parquet."""

from collections.abc import Collection
from typing import Any

from google.protobuf.message import DecodeError
from nba.v1 import decision_pb2

from engine.customer.formats import decode
from engine.customer.record import RecordError
from engine.journal.entries import CustomerRecord, Decision, ShadowScores, known

NAMED = {  # kind of row -> what must be read to tell whose it is
    "decisions": ["decision_id", "customer_id"],
    "rankings": ["customer_id"],
    "records": ["packed"],
    "interactions": ["customer_id"],
    "changes": ["customer_id", "other"],
}
SCORED = {"shadows": ["decision_id"]}  # theirs are known when all decisions have been seen


class Theirs:
    """Recognises what is about people.

    Args:
        names: every id of them.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names, self._decisions = frozenset(names), set[str]()

    def named(self, packed: bytes) -> bool:
        """Whether an entry names one of them; remembers which decisions did."""
        try:
            entry = known(packed)
            if isinstance(entry, CustomerRecord):
                return self._holds(entry.packed)
            if not isinstance(entry, Decision):
                return False
            if decision_pb2.DecideRequest.FromString(entry.request).customer.id not in self._names:
                return False
            self._decisions.add(decision_pb2.DecideResponse.FromString(entry.reply).decision_id)
        except (ValueError, DecodeError):  # nobody can read it; then a name in it is enough
            return any(name.encode() in packed for name in self._names)
        return True

    def scored(self, packed: bytes) -> bool:
        """Whether an entry holds a shadow's scores of one of their decisions."""
        try:
            entry = known(packed)
        except ValueError:
            return False
        return isinstance(entry, ShadowScores) and entry.decision_id in self._decisions

    def rows(self, kind: str, table: Any) -> Any:
        """Which rows are theirs: a truth for each.

        Args:
            kind: one of `NAMED` or `SCORED`.
            table: its columns named there.
        """
        import pyarrow as pa
        from pyarrow import compute

        if kind == "records":
            return pa.array([self._holds(packed) for packed in table["packed"].to_pylist()], pa.bool_())
        if kind == "shadows":
            return compute.is_in(table["decision_id"], pa.array(self._decisions, pa.string()))
        going = compute.is_in(table["customer_id"], pa.array(self._names, pa.string()))
        if kind == "changes":
            going = compute.or_(going, compute.is_in(table["other"], pa.array(self._names, pa.string())))
        if kind == "decisions":
            self._decisions.update(table["decision_id"].filter(going).to_pylist())
        return going

    def _holds(self, packed: bytes) -> bool:
        try:
            return not self._names.isdisjoint(decode(packed).ids)
        except RecordError:
            return any(name.encode() in packed for name in self._names)
