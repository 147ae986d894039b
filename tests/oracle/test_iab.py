"""IAB's own libraries make strings; what we read of them is what they were made of."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.customer.privacy import Signals
from engine.customer.privacy.bits import ALPHABET, Bits, DecodeError
from engine.customer.privacy.gpp import decode_gpp
from engine.customer.privacy.tcf import MANDATORY_FROM_MS, decode_tcf
from engine.decide.purposes import Declared, Purpose

IAB = Path(__file__).parent / "iab"
STRINGS = 400


@pytest.fixture(scope="module")
def strings(tmp_path_factory):
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node is not installed")
    home = Path(shutil.copytree(IAB, tmp_path_factory.mktemp("iab") / "iab"))
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    if subprocess.run(command, cwd=home, capture_output=True, timeout=180, check=False).returncode:
        pytest.skip("IAB's packages cannot be had here")
    made = subprocess.run(
        ["node", "strings.cjs", str(STRINGS), "7"], cwd=home, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in made.stdout.splitlines()]


def test_every_tc_string_says_what_it_was_made_of(strings):
    made = [each for each in strings if each["kind"] == "tcf"]
    assert len(made) == STRINGS
    for each in made:
        read = decode_tcf(each["text"])
        assert read.created_ms == each["created_ms"]
        assert sorted(read.purposes) == each["purposes"]
        assert sorted(read.vendors) == each["vendors"]
        assert (None if read.disclosed is None else sorted(read.disclosed)) == each["disclosed"]
        assert all(vendor in read.restricted[purpose, kind] for purpose, kind, vendor in each["restricted"])


def test_every_gpp_string_says_what_it_was_made_of(strings):
    made = [each for each in strings if each["kind"] == "gpp"]
    assert len(made) == STRINGS
    for each in made:
        read = decode_gpp(each["text"])
        assert list(read.sections) == each["sections"], each
        assert sorted(read.opted_out) == sorted(each["opted"]), each
        assert read.gpc == each["gpc"]
        assert (read.tcf is not None) == (each["european"] is not None)


def test_whole_strings_that_were_cut_or_changed_never_grant_more(strings):
    declared = Declared({"ads": Purpose("ads", tcf=(1, 2))}, vendor=3)
    for each in strings[:200]:
        for cut in (1, 7, len(each["text"]) // 2):
            text = each["text"][:-cut]
            signals = Signals(tcf=text) if each["kind"] == "tcf" else Signals(gpp=text)
            whole = Signals(tcf=each["text"]) if each["kind"] == "tcf" else Signals(gpp=each["text"])
            assert signals.verdict("ads", declared) is not True or whole.verdict("ads", declared) is not False


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text(ALPHABET + ".~", max_size=80)))
def test_any_text_is_read_or_refused_and_a_refused_one_grants_nothing(text):
    declared = Declared({"ads": Purpose("ads", tcf=(1,))})
    for decode, signals in ((decode_tcf, Signals(tcf=text)), (decode_gpp, Signals(gpp=text))):
        try:
            decode(text)
        except DecodeError:
            assert not text or signals.verdict("ads", declared) is False


def test_a_string_without_end_is_refused_at_once():
    with pytest.raises(DecodeError, match="at most"):
        decode_tcf("C" * 10_000_000)


@pytest.mark.parametrize(
    ("bits", "number"), [("11", 1), ("011", 2), ("0011", 3), ("1011", 4), ("00011", 5), ("10101011", 32 + 1)]
)
def test_fibonacci_numbers_are_read(bits, number):
    text = "".join(
        ALPHABET[int(bits.ljust(-(-len(bits) // 6) * 6, "0")[at : at + 6], 2)] for at in range(0, len(bits), 6)
    )

    assert Bits(text).fibonacci() == number


class TestWhatSignalsMean:
    """Signals narrow; a European string of a stranger may grant; opt-outs never do."""

    declared = Declared({"marketing": Purpose("marketing", tcf=(1,)), "contract": Purpose("contract", exempt=True)})

    def test_no_signal_says_nothing(self):
        assert Signals().verdict("marketing", self.declared) is None

    def test_global_privacy_control_refuses_what_is_below_a_purpose_too(self):
        assert Signals(gpc=True).verdict("marketing.offers", self.declared) is False

    def test_global_privacy_control_leaves_exempt_notices_alone(self):
        assert Signals(gpc=True).verdict("contract", self.declared) is None

    def test_an_opt_out_refuses(self):
        assert Signals(gpp="DBABJg~BBAAAAA").verdict("marketing", self.declared) in (None, False)

    def test_us_privacy_says_no_sale(self):
        assert decode_gpp("DBABTA~1YYN").opted_out == {6}


def test_strings_made_after_the_segment_of_disclosed_vendors_became_mandatory_need_it(strings):
    late = [each for each in strings if each["kind"] == "tcf" and each["created_ms"] >= MANDATORY_FROM_MS]
    without = [decode_tcf(each["text"]) for each in late if each["disclosed"] is None]

    assert without
    assert not any(read.allows((), 0) or read.allows(tuple(read.purposes), 0) for read in without)
