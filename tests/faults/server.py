"""One server process of the races: a worker as it is served, with the store and the services of a name."""

import secrets
import signal
import sys
import threading
from pathlib import Path

from engine.journal.deadletters import DeadLetters
from engine.journal.writer import SegmentJournal
from engine.serve import worker
from engine.serve.limits import Limits
from engine.serve.service import Holder, Shell
from engine.serve.settings import Settings
from tests.faults.planted import SERVICES, STORES

THREADS = 16  # of each process: as many decisions at once as there are clients


def main(name: str, bundle: str, state: str, port: str, index: str) -> None:
    """Serve until SIGTERM."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    settings = Settings(Path(bundle), Path(state))
    store = STORES[name](Path(state) / "store")
    journal = SegmentJournal(Path(state) / "journal", int(index))
    shell = Shell(Holder(settings.snapshot()), store, journal, lambda: secrets.randbits(64), Limits())
    worker.THREADS = THREADS
    worker.DecisionService = SERVICES.get(name, worker.DecisionService)
    server, _ = worker.make_server(shell, DeadLetters(Path(state) / "dead_letters"))
    if not server.add_insecure_port(f"127.0.0.1:{port}"):
        raise OSError(f"port {port} cannot be taken")
    server.start()
    stopped.wait()
    server.stop(1).wait()
    shell.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
