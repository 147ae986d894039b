"""The event collector: CloudEvents and the beacon's visits over HTTP, durable before the reply."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from engine.customer.cloudevents import EventError, fields_of
from engine.customer.record import RecordError
from engine.store.protocol import StoreError, StoreFullError
from engine.web.access import Admit
from engine.web.beacon import plain, read_visit
from engine.web.body import read_body
from engine.web.capture import REASON, Capture, Outcome
from engine.web.events import read_events

SCRIPT = Path(__file__).with_name("beacon.js")
PROBLEM = "application/problem+json"  # RFC 9457
STATUS_OF: Mapping[type, int] = {StoreFullError: 507, StoreError: 503, RecordError: 500}
Take = Callable[[Headers, bytes, int], list[Outcome]]


def make_app(capture: Capture, origins: Sequence[str], admit: Admit) -> Starlette:
    """The collector's application.

    Args:
        capture: what counts the events.
        admit: who may send events; the beacon's way in is open.
        origins: of pages on other hosts that may send here, such as `https://shop.example`.
    """
    collector = _Collector(capture, frozenset(origins), admit)
    cors = Middleware(CORSMiddleware, allow_origins=origins, allow_methods=["POST"], allow_headers=["content-type"])
    return Starlette(
        routes=[
            Route("/v1/events", collector.events, methods=["POST"]),
            Route("/v1/beacon", collector.beacon, methods=["POST"]),
            Route("/healthz", _health),
            Route("/beacon.js", _script),
        ],
        middleware=[cors] if origins else [],
        exception_handlers={HTTPException: _refusal, StoreError: _failure, RecordError: _failure},
    )


class _Collector:
    def __init__(self, capture: Capture, origins: frozenset[str], admit: Admit) -> None:
        self.capture, self.origins, self.admit = capture, origins, admit

    async def events(self, request: Request) -> Response:
        """CloudEvents in any of the three modes."""
        self.admit(request)
        return await self._answer(request, self.capture.intake.bounds.body_bytes, self._events)

    async def beacon(self, request: Request) -> Response:
        """One visitor's events; nothing is taken from who asks not to be tracked."""
        self._admit_page(request.headers)
        if request.headers.get("sec-gpc") == "1":
            return Response(status_code=204)
        return await self._answer(request, self.capture.intake.bounds.beacon_bytes, self._visit)

    def _admit_page(self, headers: Headers) -> None:
        """Refuse pages of other hosts: a browser asks nobody before it posts plain text."""
        origin = headers.get("origin")
        own = origin is None or origin.partition("://")[2] == headers.get("host")
        if not own and origin not in self.origins:
            raise HTTPException(403, f"pages of '{(origin or '')[:100]}' may not send here; see --origin")

    async def _answer(self, request: Request, most: int, take: Take) -> Response:
        body = await read_body(request, most)
        # In a thread: the store waits for the disk.
        return _reply(await run_in_threadpool(self._taken, request, body, take))

    def _taken(self, request: Request, body: bytes, take: Take) -> list[Outcome]:
        now_ms = time.time_ns() // 1_000_000
        try:
            return take(request.headers, body, now_ms)
        except HTTPException as error:
            raw = body.decode(errors="backslashreplace")
            self.capture.letters.add(request.scope["path"], error.detail, raw, now_ms)
            raise

    def _events(self, headers: Headers, body: bytes, now_ms: int) -> list[Outcome]:
        events = read_events(headers, body, self.capture.intake.bounds)
        return self.capture.take("/v1/events", events, fields_of, now_ms)

    def _visit(self, headers: Headers, body: bytes, now_ms: int) -> list[Outcome]:
        events = read_visit(headers, body, self.capture.intake.bounds, now_ms)
        return self.capture.take("/v1/beacon", events, plain, now_ms)


def _reply(outcomes: list[Outcome]) -> Response:
    """202 where anything was taken; 400 or 422 where nothing was, with the first reason."""
    counts = Counter(outcome.status for outcome in outcomes)
    body: dict[str, object] = {name: counts[name] for name in ("recorded", "duplicate", "rejected")}
    body["results"] = [outcome.named() for outcome in outcomes]
    faults = [outcome.fault for outcome in outcomes if outcome.fault]
    if not faults or len(faults) < len(outcomes):
        return JSONResponse(body, 202)
    status = 400 if all(isinstance(fault, EventError) for fault in faults) else 422
    return _problem(status, str(faults[0])[:REASON], body)


def _problem(status: int, reason: str, more: Mapping[str, object] = MappingProxyType({})) -> Response:
    body = {"title": HTTPStatus(status).phrase, "status": status, "detail": reason, **more}
    return JSONResponse(body, status, media_type=PROBLEM)


def _refusal(_: Request, error: Exception) -> Response:
    """What a sender can mend."""
    refusal = cast("HTTPException", error)
    response = _problem(refusal.status_code, refusal.detail)
    response.headers.update(refusal.headers or {})
    return response


def _failure(_: Request, error: Exception) -> Response:
    """What is wrong below: nothing was counted, and the sender is told so."""
    status = next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)
    return _problem(status, f"{type(error).__name__}: nothing was counted; send again later")


def _health(_: Request) -> Response:
    return JSONResponse({"status": "serving"})


def _script(_: Request) -> Response:
    return FileResponse(SCRIPT, media_type="text/javascript", headers={"cache-control": "public, max-age=3600"})
