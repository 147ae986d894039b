"""What every store does with contacts that decisions have reserved."""

import threading
import time

import msgspec
import pytest

from engine.customer.identity import link
from engine.customer.record import Consent, Interaction, Record
from engine.decide.request import Contact
from engine.store.reservation import Promise

LONG_S = 60.0


def promise(decision="d1", action="card", channel="email", lasts_s=LONG_S):
    return Promise(decision, [Contact(0, "", action, "cards", "grow", channel, "")], lasts_s)


def shown(decision="d1", action="card", channel="email", kind="exposure", key=""):
    return Interaction(
        key or f"{decision} {action} {channel} {kind}", "anna", kind, 1, channel, action, decision_id=decision
    )


def counted(store, kind="exposure"):
    """How many contacts of a kind a cap would count now: of the history, and reserved."""
    held = store.hold("anna")
    history = held.record.contacts if held.record else []
    return sum(each.kind == kind for each in [*history, *held.reserved])


def test_what_is_reserved_counts_as_every_outcome_that_may_come_of_it(store):
    assert store.reserve(store.hold("anna"), promise())

    reserved = store.hold("anna").reserved
    assert {each.kind for each in reserved} == {"decided", "delivered", "exposure", "sent"}
    assert {each[2:] for each in reserved} == {("card", "cards", "grow", "email", "")}


def test_somebody_of_whom_there_is_no_record_can_be_reserved(store):
    assert store.hold("nobody").record is None
    assert store.reserve(store.hold("nobody"), promise())
    assert store.hold("nobody").reserved


def test_of_two_that_held_the_same_only_one_reserves(store):
    first, second = store.hold("anna"), store.hold("anna")

    assert store.reserve(first, promise("d1"))
    assert not store.reserve(second, promise("d2"))
    assert counted(store) == 1
    assert store.reserve(store.hold("anna"), promise("d2"))
    assert counted(store) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.set_consent("anna", Consent("marketing", "", granted=False, source="", at_ms=1)),
        lambda store: store.put([Record("anna", {"age": 30})]),
        lambda store: store.apply([Interaction("a", "anna", "purchase", 1)]),
    ],
    ids=["a withdrawal", "an import", "an interaction"],
)
def test_what_changes_the_record_meanwhile_stops_a_reservation(store, change):
    held = store.hold("anna")
    change(store)

    assert not store.reserve(held, promise())
    assert store.hold("anna").reserved == ()


def test_another_customer_is_no_hindrance(store):
    held = store.hold("anna")
    store.reserve(store.hold("annabel"), promise())

    assert store.reserve(held, promise())


def test_an_exposure_moves_the_contact_into_the_history_and_it_counts_once(store):
    store.reserve(store.hold("anna"), promise())
    store.apply([shown()])

    assert counted(store) == 1
    assert {each.kind for each in store.hold("anna").reserved} == {"decided", "delivered", "sent"}


def test_each_outcome_settles_for_itself(store):
    store.reserve(store.hold("anna"), promise())
    store.apply([shown(kind="sent"), shown(kind="delivered")])

    assert [counted(store, kind) for kind in ("sent", "delivered", "exposure")] == [1, 1, 1]
    assert {each.kind for each in store.hold("anna").reserved} == {"decided", "exposure"}


@pytest.mark.parametrize(
    "other",
    [shown("d2"), shown(action="loan"), shown(channel="web"), shown(kind="click")],
    ids=["another decision", "another action", "another channel", "another outcome"],
)
def test_what_was_not_promised_settles_nothing(store, other):
    store.reserve(store.hold("anna"), promise())
    store.apply([other])

    assert len(store.hold("anna").reserved) == 4


def test_a_key_seen_before_settles_nothing(store):
    store.apply([Interaction("key", "anna", "purchase", 1)])
    store.reserve(store.hold("anna"), promise())
    store.apply([shown(key="key")])

    assert counted(store) == 1


def test_what_is_released_is_free_and_only_that(store):
    store.reserve(store.hold("anna"), promise("d1"))
    store.reserve(store.hold("anna"), promise("d2"))

    assert store.release("anna", "d1") == 1
    assert store.release("anna", "d1") == 0
    assert store.release("nobody", "d1") == 0
    assert counted(store) == 1


def test_what_runs_out_is_free(store):
    store.reserve(store.hold("anna"), promise("d1", lasts_s=0.1))
    assert counted(store) == 1
    time.sleep(0.15)

    assert counted(store) == 0
    assert store.reserve(store.hold("anna"), promise("d2"))
    assert counted(store) == 1


def test_a_late_exposure_counts_though_its_reservation_has_run_out(store):
    store.reserve(store.hold("anna"), promise("d1", lasts_s=0.05))
    time.sleep(0.1)
    store.apply([shown()])

    assert counted(store) == 1


def linked(*ids):
    return [link((ids[0], other), 5, "login") for other in ids[1:]]


def test_what_was_reserved_under_any_id_of_a_person_counts_for_the_person(store):
    store.reserve(store.hold("anna"), promise("d1"))
    store.reserve(store.hold("device:1"), promise("d2"))
    held = store.hold("anna")
    store.link(linked("anna", "device:1"))

    assert not store.reserve(held, promise("d3"))
    assert counted(store) == 2
    assert store.hold("device:1") == store.hold("anna")
    assert store.reserve(store.hold("device:1"), promise("d3"))
    assert counted(store) == 3


def test_an_exposure_under_another_id_settles_what_was_reserved(store):
    store.link(linked("anna", "device:1"))
    store.reserve(store.hold("device:1"), promise())
    store.apply([msgspec.structs.replace(shown(), customer_id="device:1")])

    assert counted(store) == 1


def test_what_was_reserved_before_a_link_is_settled_and_released_after_it(store):
    store.reserve(store.hold("device:1"), promise("d1"))
    store.reserve(store.hold("device:1"), promise("d2"))
    store.link(linked("anna", "device:1"))
    store.apply([shown("d1")])
    assert counted(store) == 2

    assert store.release("anna", "d2") == 1
    assert counted(store) == 1


def test_an_erased_person_has_nothing_reserved(store):
    store.put([Record("anna", {"age": 1})])
    store.reserve(store.hold("anna"), promise())
    store.erase("anna")

    assert store.hold("anna").reserved == ()


@pytest.mark.parametrize("cap", [1, 3, 10])
def test_threads_that_reserve_and_show_take_exactly_the_cap_and_never_see_more(store, cap):
    taken, seen = [], []

    def decider(number):
        while True:
            held = store.hold("anna")
            history = held.record.contacts if held.record else []
            count = sum(each.kind == "exposure" for each in [*history, *held.reserved])
            seen.append(count)
            if count >= cap:
                return
            if store.reserve(held, promise(f"d{number}")):
                taken.append(number)
                store.apply([shown(f"d{number}")])
                return

    threads = [threading.Thread(target=decider, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == min(cap, 16)
    assert max(seen) == cap
