"""Consent strings from outside: what a damaged or hostile one may do, and what a person says beside it."""

import pytest

from engine.customer.privacy import Signals
from engine.customer.privacy.bits import ALPHABET, DecodeError
from engine.customer.privacy.tcf import decode_tcf
from engine.customer.record import Consent
from engine.customer.view import Sent, view
from engine.decide.needs import Needs
from engine.decide.purposes import Declared, Purpose

NOW_MS = 1_764_000_000_000
PAIR = ("marketing", "web")
DECLARED = Declared({"marketing": Purpose("marketing", tcf=(1, 2))})
ENTRY = "1" + f"{1:016b}" + f"{65_535:016b}"  # the range of every vendor there can be


def encoded(bits):
    bits += "0" * (-len(bits) % 6)
    return "".join(ALPHABET[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


def a_string(vendors="0" * 34, restrictions="0" * 12):
    """A TC string of 2023 with every purpose granted."""
    head = f"{2:06b}" + f"{16_900_000_000:036b}" + "0" * (36 + 12 + 12 + 6 + 12 + 12 + 6 + 1 + 1 + 12)
    return encoded(head + "1" * 48 + "0" * 13 + vendors + restrictions)


def allowed(*consents, tcf=""):
    said = Sent(consents=consents, signals=Signals(tcf=tcf))
    return view(None, said, Needs({PAIR}, DECLARED), NOW_MS).allowed[PAIR]


def test_a_string_speaks_for_a_person_without_an_id():
    assert allowed(tcf=a_string())
    assert not allowed()


@pytest.mark.parametrize("channel", ["web", ""])
def test_what_a_person_refuses_beside_a_string_that_grants_is_refused(channel):
    assert not allowed(Consent("marketing", channel, granted=False, source="", at_ms=NOW_MS), tcf=a_string())


def test_ranges_that_overlap_without_end_are_no_string():
    vendors = f"{65_535:016b}" + "1" + f"{2_900:012b}" + ENTRY * 2_900 + "0" * 17
    restrictions = f"{1_800:012b}" + (f"{1:06b}" + "00" + f"{1:012b}" + ENTRY) * 1_800

    for hostile in (a_string(vendors), a_string(restrictions=restrictions)):
        with pytest.raises(DecodeError, match="names more than"):
            decode_tcf(hostile)


def test_every_vendor_there_can_be_may_be_named():
    vendors = f"{65_535:016b}" + "1" + f"{1:012b}" + ENTRY + f"{20_000:016b}" + "0" + "01" * 10_000

    read = decode_tcf(a_string(vendors))

    assert len(read.vendors) == 65_535
    assert read.vendors_of_interest == frozenset(range(2, 20_001, 2))
