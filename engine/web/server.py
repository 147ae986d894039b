"""`nba capture`: the collector as a process of its own."""

import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import structlog
import uvicorn

from engine.customer.checks import Bounds
from engine.customer.intake import of_bundle
from engine.decide.bundle import Bundle
from engine.decide.faults import BundleError
from engine.journal.deadletters import DeadLetters
from engine.store.lmdb import LmdbStore
from engine.web.capture import Capture
from engine.web.collector import make_app

GRACE_S = 5
log = structlog.get_logger()


@dataclass(frozen=True)
class Settings:
    """What a collector is started with.

    Args:
        read: the bundle as it stands now.
        bounds: of every value.
        state: holds the store and the dead letters.
        place: address and port.
        origins: of pages on other hosts that may send here.
    """

    read: Callable[[], Bundle]
    bounds: Bounds
    state: Path
    place: tuple[str, int]
    origins: tuple[str, ...] = ()


def capture(settings: Settings) -> None:
    """Collect until SIGTERM or SIGINT; every request under way is answered first. SIGHUP reads the bundle again.

    Raises:
        BundleError: before anything is started.
        StoreError: when the state cannot be used.
        OSError: when another process holds the port.
    """
    intake = of_bundle(settings.read(), settings.bounds)
    held = _listening(settings.place)
    store = LmdbStore(settings.state / "store")
    collecting = Capture(store, DeadLetters(settings.state / "dead_letters"), intake)
    # A thread reads: a handler would hold up every request meanwhile.
    signal.signal(signal.SIGHUP, lambda *_: Thread(target=_reload, args=(collecting, settings)).start())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn stops first and raises the signal again: here, and harmless
    config = uvicorn.Config(
        make_app(collecting, settings.origins),
        http="h11", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        proxy_headers=False, timeout_graceful_shutdown=GRACE_S,
    )  # fmt: skip
    log.info("capturing", address=f"{settings.place[0]}:{settings.place[1]}", origins=settings.origins)
    uvicorn.Server(config).run(sockets=[held])
    store.close()
    log.info("stopped")


def _listening(place: tuple[str, int]) -> socket.socket:
    try:
        held = socket.create_server(place, backlog=1024)
    except OSError as error:
        raise OSError(f"{place[0]}:{place[1]} cannot be taken: {error.strerror}; is another server there?") from error
    # Accepted connections inherit it; asyncio sets it only where the socket names its protocol, and this one does not.
    # Without it a reply waits 40 ms for the sender's acknowledgement.
    held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return held


def _reload(collecting: Capture, settings: Settings) -> None:
    try:
        collecting.intake = of_bundle(settings.read(), settings.bounds)
    except (BundleError, OSError) as error:
        log.error("reload refused, the old bundle stays", faults=str(error))
    else:
        log.info("reloaded")
