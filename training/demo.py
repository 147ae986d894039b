"""`nba demo`: the whole chain on the grocer's year, with real processes and real calls."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from training.grocer import CHANNELS, load, write

CALLS = 500
SHOWN = 3


def run(bundle: Path, state: Path, households: int, port: int) -> int:
    """Load, import, train, serve, decide; the last line is one JSON object."""
    data = state / "data"
    files = list(write(load(households), data))
    for kind, file in zip(("customers", "interactions"), files, strict=False):
        _nba("import", kind, str(file), "--state", str(state), "--bundle", str(bundle))
    metrics = json.loads(_nba("train", str(bundle), "--state", str(state)).splitlines()[-1])
    contacts = pd.read_parquet(data / "contacts.parquet")
    with _server(bundle, state, port) as target:
        latency_ms = _decide(target, contacts)
    counts = {"customers": len(pd.read_parquet(files[0])), "interactions": len(pd.read_parquet(files[1]))}
    speed = {f"latency_ms_p{p}": round(float(np.percentile(latency_ms, p)), 3) for p in (50, 99)}
    print(json.dumps({**counts, **metrics, "decisions": len(latency_ms), **speed}))
    return 0


def _nba(*args: str) -> str:
    print("$ nba", *args, flush=True)
    command = [sys.executable, "-m", "engine.cli", *args]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603  our own command
    print(done.stdout, end="", flush=True)
    if done.returncode:
        raise RuntimeError(f"`nba {args[0]}` failed; its words stand above")
    return done.stdout


@contextmanager
def _server(bundle: Path, state: Path, port: int) -> Iterator[str]:
    """A server of its own process; stopped by SIGTERM at the end."""
    args = [sys.executable, "-m", "engine.cli", "serve", str(bundle), "--state", str(state), "--port", str(port)]
    process = subprocess.Popen(args)  # noqa: S603  our own command
    try:
        _wait(f"127.0.0.1:{port}", process)
        yield f"127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _wait(target: str, process: subprocess.Popen[bytes]) -> None:
    import grpc

    with grpc.insecure_channel(target) as channel:
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            try:
                grpc.channel_ready_future(channel).result(timeout=1)
                return
            except grpc.FutureTimeoutError:
                continue
    raise RuntimeError(f"the server at {target} did not start; its words stand above")


def _decide(target: str, contacts: pd.DataFrame) -> list[float]:
    """Real calls for contacted customers, at the end of the year's campaigns; returns latencies in ms."""
    from engine.serve.client import Client, as_words

    now_ms = int(contacts.start_ms.quantile(0.6)) + 1
    people = sorted(contacts.customer_id.unique())
    latency_ms = []
    with Client(target) as client:
        for index in range(CALLS):
            customer = people[index % len(people)]
            start = time.perf_counter()
            reply = client.ask(customer, CHANNELS, now_ms=now_ms, level="full" if index < SHOWN else "none")
            latency_ms.append(1000 * (time.perf_counter() - start))
            if index < SHOWN:
                print(f"\n{customer}\n{as_words(reply, as_json=False)}")
    return latency_ms
