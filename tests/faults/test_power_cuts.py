"""Power cuts at random moments: what was acknowledged is there when the machine starts again, and counts once."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

from tests.faults.mount import CAN_MOUNT, ROOT, disk

ROUNDS = int(os.environ.get("NBA_POWER_CUTS", "4"))

pytestmark = CAN_MOUNT


def run(*words, **options):
    return subprocess.Popen([sys.executable, "-m", "tests.faults.writer", *map(str, words)], cwd=ROOT, **options)


def after_a_cut(directory, store, seed):
    """What is lost of what one writer acknowledged before the power failed."""
    chance = random.Random(seed)
    mount, kept = directory / f"mount{seed}", directory / f"kept{seed}"
    with disk(mount, kept):
        writer = run("write", mount / "state", store, seed, stdout=subprocess.PIPE)
        said = [writer.stdout.readline() for _ in range(2)]
        time.sleep(chance.choice([0.02, 0.2, 1.5]) * chance.random())
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.readlines()
        writer.wait(20)
        (mount / ".tell").write_text(f"cut {seed}")
    for left in (kept / "state/store/reserved").glob("*"):
        left.rename(left.with_name("before the cut"))  # the machine starts again, and another name stands for that
    checked = run("check", kept / "state", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    faults, words = checked.communicate(b"".join(said), timeout=60)
    shutil.rmtree(kept)
    if checked.returncode:  # a store that cannot be opened has lost everything
        return [f"the check ended with {checked.returncode}: {words.decode()[-500:]}"], len(said)
    return json.loads(faults.splitlines()[-1]), len(said)  # what comes before is the log


def test_no_power_cut_loses_what_was_acknowledged_or_counts_it_twice(tmp_path):
    acknowledged = 0
    for seed in range(ROUNDS):
        faults, said = after_a_cut(tmp_path, "lmdb", seed)
        assert faults == [], f"seed {seed}"
        acknowledged += said
    print(json.dumps({"power_cuts": ROUNDS, "acknowledged": acknowledged, "lost": 0}))


def test_a_store_that_answers_before_its_sync_is_caught(tmp_path):
    assert any(after_a_cut(tmp_path, "hasty", seed)[0] for seed in range(20))
