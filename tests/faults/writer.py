"""A process that writes to a store as fast as it may and says on its output what was acknowledged: to be killed.

`python -m tests.faults.writer write STATE STORE SEED` writes; `check STATE` reads from its input what was said, and
prints, as the last line, what of it is lost or counted twice.
"""

import collections
import functools
import json
import os
import random
import sys
import time
from pathlib import Path

import lmdb
import msgspec

from engine.customer.as_of import AsOf
from engine.customer.record import Consent, Interaction
from engine.customer.values import values
from engine.decide.derived import USUALLY
from engine.journal.segments import SegmentJournal, read
from engine.store.lmdb import LmdbStore

PEOPLE, BATCH, LAG_S, LATER_MS = 5, 8, 1.0, 10**10


def hasty(path):
    """Planted: a store that answers before anything is on the disk."""
    lmdb.open = functools.partial(lmdb.open, sync=False, metasync=False)  # of this process only
    return LmdbStore(path)


STORES = {"lmdb": LmdbStore, "hasty": hasty}


def say(*words):
    os.write(1, (json.dumps(words) + "\n").encode())


def write(state, kind, seed):
    chance, store = random.Random(seed), STORES[kind](state / "store")
    journal = SegmentJournal(state / "journal", 0)
    for number in range(1_000_000):
        who = f"p{chance.randrange(PEOPLE)}"
        if chance.random() < 0.3:
            granted = chance.random() < 0.5
            store.set_consent(who, Consent("marketing", "", granted, "writer", number))
            say("consent", who, number, granted)
        else:
            batch = [Interaction(f"{number}.{n}", who, "purchase", number, amount=1.0) for n in range(BATCH)]
            store.apply(batch)
            say("happened", who, [interaction.key for interaction in batch])
        journal.offer(msgspec.msgpack.encode({"kind": "decision", "number": number}))
        say("decided", number, time.monotonic())


def check(state, said):
    """Everything that was acknowledged and is not there, or is there twice."""
    store = LmdbStore(state / "store")
    held = [interaction for _, interaction in store.tail(0, 10_000_000)]
    counted = collections.Counter(interaction.key for interaction in held)
    owed = {key: who for kind, who, *rest in said if kind == "happened" for key in rest[0]}
    yield from (f"{key} is lost" for key in owed if key not in counted)
    yield from (f"{key} is counted {times} times" for key, times in counted.items() if times > 1)
    spent = collections.Counter(interaction.customer_id for interaction in held)
    for who in sorted({*spent, *owed.values()}):
        record = store.load(who)
        there = values(AsOf(record, LATER_MS, USUALLY))["rfm.frequency_total"] if record else 0
        if there != spent[who]:
            yield f"the record of {who} holds {there} purchases, and {spent[who]} happened"
    yield from consents(store, said)
    yield from decisions(state / "journal", said)
    for key, who in owed.items():
        if store.apply([Interaction(key, who, "purchase", 1, amount=1.0)]) != ["duplicate"]:
            yield f"{key} counted again"


def consents(store, said):
    last = {who: (number, granted) for kind, who, number, *granted in said if kind == "consent"}
    for who, (number, (granted,)) in last.items():
        record = store.load(who)
        held = [consent for consent in (record.consents if record else []) if consent.at_ms >= number]
        if not held or (held[0].at_ms == number and held[0].granted != granted):
            yield f"what {who} said in {number} is lost"


def decisions(journal, said):
    """A decision may be lost when it is younger than a second."""
    given = [(number, at) for kind, number, at, *_ in said if kind == "decided"]
    there = {entry["number"] for entry in read(journal)} if journal.exists() else set()
    due = given[-1][1] - LAG_S if given else 0.0
    yield from (f"decision {number} is lost" for number, at in given if at < due and number not in there)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", state, kind, seed]:
            write(Path(state), kind, int(seed))
        case ["check", state]:
            print(json.dumps([*check(Path(state), [json.loads(line) for line in sys.stdin])]))
