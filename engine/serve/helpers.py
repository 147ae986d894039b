"""Processes that work on pieces beside each other; the results come in the order of the pieces."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, cycle, islice
from multiprocessing.connection import Connection

Work = Callable[[bytes], bytes]
HELPERS = 2
_SPAWN = multiprocessing.get_context("spawn")


def each(work: Work, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What the work makes of each piece; a single piece is not worth a process.

    Args:
        work: what a new process can be told: a function of a module, or a `partial` of one.
        pieces: a few are in memory at once.

    Raises:
        RuntimeError: when a helper was ended.
    """
    source = iter(pieces)
    few = list(islice(source, 2))
    if len(few) < 2:
        yield from map(work, few)
        return
    try:
        with _helpers(work) as pipes:
            yield from _in_turns(pipes, chain(few, source))
    except (EOFError, ConnectionError):
        raise RuntimeError("a process that reads the file was ended; is there enough memory?") from None


def _in_turns(pipes: Sequence[Connection], pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Each helper has one piece: with two, it and we could wait for each other to empty the pipe."""
    busy = deque[Connection]()
    for piece, pipe in zip(pieces, cycle(pipes), strict=False):
        made = busy.popleft().recv_bytes() if len(busy) == len(pipes) else None
        pipe.send_bytes(piece)
        busy.append(pipe)
        if made is not None:
            yield made
    for pipe in busy:
        yield pipe.recv_bytes()


@contextmanager
def _helpers(work: Work) -> Iterator[list[Connection]]:
    """Pipes to the helpers; they end when theirs is closed, also when this process is killed."""
    pipes, processes = [], []
    try:
        for _ in range(HELPERS):
            ours, theirs = _SPAWN.Pipe()
            pipes.append(ours)
            with theirs:
                process = _SPAWN.Process(target=_serve, args=(theirs, work), daemon=True)
                process.start()
            processes.append(process)
        yield pipes
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join()


def _serve(pipe: Connection, work: Work) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; ours end with their pipe
    with suppress(EOFError, ConnectionError):
        while True:
            pipe.send_bytes(work(pipe.recv_bytes()))
