"""A disk of `disk.py`, mounted for a test."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = os.access("/dev/fuse", os.R_OK | os.W_OK) and shutil.which("fusermount3")
CAN_MOUNT = pytest.mark.skipif(not HERE, reason="needs /dev/fuse and the package fuse3")


@contextmanager
def disk(mount, kept):
    mount.mkdir(parents=True)
    kept.mkdir()
    process = subprocess.Popen([sys.executable, str(ROOT / "tests/faults/disk.py"), str(mount), str(kept)])
    try:
        until = time.monotonic() + 20
        while not os.path.ismount(mount):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(20)
