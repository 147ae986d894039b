"""The commands on what people get wrong: a sentence and exit 1, never a trace."""

import pytest
from nba.v1 import decision_pb2
from typer.testing import CliRunner

from engine.cli import app
from engine.serve.client import as_words


def run(*args):
    done = CliRunner().invoke(app, [str(arg) for arg in args])
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    return done.output


@pytest.fixture
def spoiled(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "data.mdb").write_text("junk")
    (tmp_path / "latin.yaml").write_bytes(b"limits: {}  # gr\xf6\xdfer")
    return tmp_path


def test_a_store_that_is_none_is_told(spoiled):
    assert "cannot be used" in run("customer", "show", "anna", "--state", spoiled)


def test_an_empty_id_is_nobodys(spoiled):
    assert "no customer ''" in run("customer", "show", "", "--state", spoiled)


def test_a_configuration_of_another_encoding_is_told_with_its_place(spoiled):
    told = run("serve", "examples/grocer", "--state", spoiled, "--config", spoiled / "latin.yaml")

    assert "latin.yaml:1:1: byte 17 of the file is no UTF-8" in told


def test_an_address_of_another_machine_is_told(tmp_path):
    told = run("serve", "examples/grocer", "--state", tmp_path, "--address", "nowhere.invalid")

    assert "nowhere.invalid is no address of this machine" in told


def test_a_reason_is_told_once_for_all_that_it_holds_back():
    text = decision_pb2.Reason(kind="consent", gate="g", text="no consent", channel="web", change="consent")
    trace = []
    for key in ("card", "loan"):
        reason = decision_pb2.Reason(action_key=key)
        reason.MergeFrom(text)
        trace.append(reason)

    told = as_words(decision_pb2.DecideResponse(trace=trace), as_json=False)

    assert told.splitlines() == [
        "  held back in web by consent 'g': no consent; to lift it: consent",
        "    card, loan",
    ]
