"""The shell: what there is time for, and how what goes wrong below becomes a status."""

import grpc
import lmdb
import pytest
from nba.v1 import common_pb2, customer_pb2

from engine.customer.checks import FieldError
from engine.customer.formats import decode
from engine.customer.record import Record, RecordError
from engine.decide.bundle import read_bundle
from engine.decide.faults import BundleError
from engine.decide.pipeline import Effort
from engine.decide.scoring import first_day
from engine.decide.snapshot import build_snapshot
from engine.journal.protocol import JournalFullError
from engine.serve.board import Board
from engine.serve.config import read_limits, read_spill
from engine.serve.handlers import STATUS_OF, handler
from engine.serve.limits import Limits
from engine.serve.metrics import CALLS, FAMILIES, Metrics
from engine.serve.service import effort_for
from engine.serve.wire import Reader
from engine.store.lmdb import LmdbStore
from engine.store.protocol import StoreError, StoreFullError
from models import RESPONSE
from tests.wire.conftest import BUNDLE


@pytest.mark.parametrize(
    ("budget_ms", "left_s", "effort"),
    [
        (0, None, Effort.FULL),
        (50, None, Effort.FULL),
        (1, None, Effort.PRIOR),
        (0, 0.001, Effort.PRIOR),
        (0, 0.0001, Effort.FALLBACK),
        (50, 0.0001, Effort.FALLBACK),
    ],
)
def test_the_effort_is_what_the_budget_and_the_deadline_leave(budget_ms, left_s, effort):
    assert effort_for(budget_ms, left_s) is effort


@pytest.mark.parametrize(("purpose", "known"), [("marketing.offers", True), ("*", True), ("marekting", False)])
def test_a_statement_of_a_purpose_that_is_declared_nowhere_is_refused(purpose, known):
    texts = BUNDLE | {"purposes.yaml": "marketing: {}\nservice: {}\n"}
    reader = Reader(build_snapshot(read_bundle(texts), texts, [first_day(RESPONSE, 0.1)]), Limits())
    consent = common_pb2.Consent(purpose=purpose)

    if known:
        assert reader.statement("consent", consent, 1_000).purpose == purpose
        return
    with pytest.raises(FieldError, match=r"consent\.purpose: unknown purpose 'marekting'; did you mean 'marketing'"):
        reader.statement("consent", consent, 1_000)


class AbortedError(Exception):
    """What the context raises when a call is ended."""


class Context:
    """As gRPC's: ending a call raises."""

    ended = details = None

    def abort(self, code, details):
        self.ended, self.details = code, details
        raise AbortedError

    def code(self):
        return self.ended

    def is_active(self):
        return True


def fails(error, directory, ends=AbortedError):
    class Servicer:
        def Get(self, request, context):  # noqa: N802  the contract's name
            raise error

        SetConsent = SetPreferences = Watch = Link = Get

    service = handler(customer_pb2.DESCRIPTOR.services_by_name["CustomerService"], Servicer(), Metrics(directory / "0"))

    class Call:
        method = "/nba.v1.CustomerService/Get"

    context = Context()
    with pytest.raises(ends):
        service.service(Call()).unary_unary(b"", context)
    return context


@pytest.mark.parametrize("error", [StoreFullError, StoreError, RecordError, JournalFullError, OSError])
def test_every_error_of_a_lower_layer_becomes_a_status_that_says_why(error, tmp_path):
    context = fails(error("because"), tmp_path)

    assert context.ended is STATUS_OF[error]
    assert "because" in context.details


def test_a_kind_of_a_known_error_becomes_the_status_of_its_parent(tmp_path):
    assert fails(ConnectionResetError("gone"), tmp_path).ended is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("error", "ends", "status"), [(StoreError, AbortedError, "UNAVAILABLE"), (ZeroDivisionError, None, "UNKNOWN")]
)
def test_a_call_is_counted_as_its_caller_is_told_also_where_nobody_expected_the_error(error, ends, status, tmp_path):
    fails(error("because"), tmp_path, ends or error)

    counted = {labels: sum(words) for labels, words in Board(tmp_path / "0", FAMILIES).read(CALLS) if any(words)}
    assert [*counted] == [("Get", status)]


def test_a_full_store_says_so_and_changes_nothing(tmp_path):
    store = LmdbStore(tmp_path, 1 << 16)
    store.put([Record("anna", {"age": 1})])

    with pytest.raises(StoreFullError, match="room left"):
        store.put([Record("bob", {"text": "x" * (1 << 17)})])
    assert store.load("anna").attributes == {"age": 1}
    assert store.load("bob") is None


def test_every_error_of_lmdb_is_the_stores_own(tmp_path):
    store = LmdbStore(tmp_path, 1 << 20)
    (tmp_path / "not a directory").write_text("")

    for kind in (lmdb.BadTxnError, lmdb.CorruptedError, lmdb.ReadersFullError):
        with pytest.raises(StoreError), store._begin():
            raise kind("broken")
    with pytest.raises(StoreError):
        LmdbStore(tmp_path / "not a directory")


@pytest.mark.parametrize("packed", [b"", b"\x07abc", b"\x01", b"\x01\xff\xff"])
def test_a_damaged_record_is_an_error_and_never_an_empty_one(packed):
    with pytest.raises(RecordError):
        decode(packed)


@pytest.mark.parametrize(
    ("name", "value"),
    [("age", "42"), ("age", 2**64), ("spent", None), ("spent", "much"), ("tags", 3), ("member", 1), ("shoes", 41)],
)
def test_what_is_stored_and_does_not_fit_the_schema_counts_as_missing(name, value):
    snapshot = build_snapshot(read_bundle(BUNDLE), BUNDLE, [first_day(RESPONSE, 0.1)])

    record = Reader(snapshot, Limits()).fitting(Record("anna", {"city": "Oslo", name: value}))

    assert record.attributes == {"city": "Oslo"}


def test_a_full_journal_refuses_unless_it_is_told_where_to_spill(tmp_path):
    config = tmp_path / "server.yaml"

    config.write_text("limits: {channels: 3}")
    assert read_spill(config) is read_spill(None) is None
    config.write_text(f"journal: {{when_full: spill, spill: {tmp_path}/other}}")
    assert read_spill(config) == tmp_path / "other"
    assert read_limits(config) == Limits()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{when_full: spil, spill: /x}", "did you mean 'spill'"),
        ("{when_full: spill}", "with `spill: DIRECTORY`"),
        ("{spill: /x}", "with `spill: DIRECTORY`"),
        ("{full: refuse}", "unknown key 'full'"),
    ],
)
def test_a_faulty_choice_for_a_full_journal_is_named(tmp_path, text, words):
    config = tmp_path / "server.yaml"
    config.write_text(f"journal: {text}")

    with pytest.raises(BundleError, match=words):
        read_spill(config)
