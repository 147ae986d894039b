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
from engine.store.open import open_store
from engine.web.access import admission
from engine.web.capture import Capture
from engine.web.collector import make_app
from engine.web.connections import CONNECTIONS, REQUEST_S, bounded

GRACE_S = 5
BACKLOG = 128  # accepted in one go, before any of them is counted
HEADER_BYTES = 1 << 14  # browsers send up to 8 KiB of cookies
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
        token: of those who may send events; without one, only this machine may.
    """

    read: Callable[[], Bundle]
    bounds: Bounds
    state: Path
    place: tuple[str, int]
    origins: tuple[str, ...] = ()
    token: str | None = None


def capture(settings: Settings) -> None:
    """Collect until SIGTERM or SIGINT; every request under way is answered first. SIGHUP reads the bundle again.

    Raises:
        BundleError, ValueError: before anything is started, of the bundle or of the token.
        StoreError: when the state cannot be used.
        OSError: when another process holds the port.
    """
    admit = admission(settings.token)
    intake = of_bundle(settings.read(), settings.bounds)
    held = _listening(settings.place)
    store = open_store(settings.state)
    collecting = Capture(store, DeadLetters(settings.state / "dead_letters", store.erased), intake)
    # A thread reads: a handler would hold up every request meanwhile.
    signal.signal(signal.SIGHUP, lambda *_: Thread(target=_reload, args=(collecting, settings)).start())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn stops first and raises the signal again: here, and harmless
    config = uvicorn.Config(
        make_app(collecting, settings.origins, admit),
        ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        proxy_headers=False, timeout_graceful_shutdown=GRACE_S, timeout_keep_alive=REQUEST_S,
        http=bounded(CONNECTIONS, REQUEST_S), backlog=BACKLOG, h11_max_incomplete_event_size=HEADER_BYTES,
        limit_concurrency=2 * CONNECTIONS,  # requests, for a while also of senders that have left: 503
    )  # fmt: skip
    log.info("capturing", address=f"{settings.place[0]}:{settings.place[1]}", origins=settings.origins)
    uvicorn.Server(config).run(sockets=[held])
    store.close()
    log.info("stopped")


def _listening(place: tuple[str, int]) -> socket.socket:
    try:
        held = socket.create_server(place, backlog=BACKLOG)
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
