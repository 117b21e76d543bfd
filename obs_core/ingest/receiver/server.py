"""The routes of the receiver of OTLP over HTTP: `/v1/traces`, `/v1/logs`, `/v1/metrics`, and `/healthz`.

Source: opentelemetry-proto, docs/specification.md "OTLP/HTTP". 200 means that every row of the batch is in the spool,
except those that the response counts as rejected.
"""

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from obs_core.ingest.receiver import access, decoding, responses
from obs_core.ingest.receiver.intake import Intake
from obs_core.ingest.receiver.limits import Limits
from obs_core.ingest.receiver.responses import Answer, Refusal
from obs_core.settings import Settings
from obs_core.store import identity
from obs_core.tokens import Guesses

_BODIES: Final = 4  # of the largest size that may be in memory at once; small ones are always accepted


@dataclass(slots=True)
class Tally:
    """Counts since the start."""

    batches: int = 0
    rows: int = 0
    rejected: int = 0
    refused: int = 0


class Receiver:
    """Handles requests; batches are stored one after another, in a thread next to the event loop."""

    def __init__(self, settings: Settings, intake: Intake) -> None:
        """Rows go to `intake`."""
        self.tally = Tally()
        self._settings = settings
        self._intake = intake
        self.limits = Limits.of(settings)
        self._guesses = Guesses()
        self._in_memory = 0
        self.memory_limits = _BODIES * self.limits.size, _BODIES * self.limits.size // settings.otlp_connections
        self._storing = threading.Lock()  # gRPC has threads of its own
        self._one = anyio.CapacityLimiter(1)

    def app(self) -> Starlette:
        """The receiver as an ASGI application."""
        signals = [Route(f"/v1/{signal}", self._export(signal), methods=["POST"]) for signal in decoding.SIGNALS]
        handlers = {404: _nothing_here, 405: _nothing_here}
        return Starlette(routes=[*signals, Route("/healthz", self._health)], exception_handlers=handlers)

    def _export(self, signal: str) -> Callable[[Request], Awaitable[Response]]:
        async def export(request: Request) -> Response:
            header = request.headers.get("content-type", "")
            content_type = decoding.content_type_of(header)
            try:
                self._check(request)
                self._check_loop(request)
                if content_type is None:
                    raise Refusal(
                        415, f"Content-Type is “{header[:100]}”; send {responses.PROTOBUF} or {responses.JSON}."
                    )
                return _response(await self._accept(signal, content_type, request))
            except Refusal as refusal:
                return _response(self.refused(refusal, content_type or responses.JSON))

        return export

    def _check(self, request: Request) -> None:
        """Raise a `Refusal` unless the sender may send."""
        settings = self._settings
        access.check(request.headers, settings.otlp_token, settings.otlp_host, settings.hosts)
        self.check_token(request.headers, request.client.host if request.client else "")

    def _check_loop(self, request: Request) -> None:
        """Raise a `Refusal` if the rows come from the log that they would be written to."""
        sender = request.headers.get(identity.HEADER)
        if sender and sender == identity.read(self._settings.log.absolute()):
            raise Refusal(508, "These rows come from the log that this receiver writes: forward them elsewhere.")

    def check_token(self, headers: Mapping[str, str], address: str) -> None:
        """Raise a `Refusal` unless the sender at this address has the token, if one is set."""
        access.check_token(headers, self._settings.otlp_token, address, self._guesses)

    def refused(self, refusal: Refusal, content_type: str) -> Answer:
        """Count a refusal, and answer it."""
        self.tally.refused += 1
        return responses.refused(refusal, content_type)

    async def _accept(self, signal: str, content_type: str, request: Request) -> Answer:
        body = bytearray()
        try:
            await self._read(request, body)
            encoding = request.headers.get("content-encoding", "")
            return await anyio.to_thread.run_sync(self.store, signal, content_type, body, encoding, limiter=self._one)
        finally:
            self._in_memory -= len(body)

    async def _read(self, request: Request, body: bytearray) -> None:
        """Read into `body`, which counts as memory in use from then on."""
        try:
            async with asyncio.timeout(self._settings.otlp_body_s):
                async for piece in request.stream():
                    body += piece
                    self._in_memory += len(piece)
                    if len(body) > self.limits.size:
                        raise self.limits.too_large()
                    if self._in_memory > self.memory_limits[0] and len(body) > self.memory_limits[1]:
                        raise Refusal(503, "Too many large requests at once.", 1)
        except TimeoutError as error:
            raise Refusal(408, f"The body did not arrive within {self._settings.otlp_body_s} s.") from error
        except ClientDisconnect as error:
            raise Refusal(400, "The body was cut off.") from error

    def store(self, signal: str, content_type: str, body: decoding.Body, encoding: str) -> Answer:
        """Decompress, map and store one batch, in its own thread.

        Nothing is raised to the caller: an error would keep the whole request in memory as long as its traceback lives.
        """
        try:
            with self._storing:
                self._intake.opened()
            plain = decoding.unpacked(body, encoding, self.limits)
            parts = decoding.parts(signal, content_type, plain, self._settings.values, self.limits)
            with self._storing:
                stored = self._intake.put(parts, time.time_ns())
        except Refusal as refusal:
            return self.refused(refusal, content_type)
        self.tally.batches += 1
        self.tally.rows += stored.rows
        self.tally.rejected += stored.rejected
        return responses.accepted(signal, content_type, stored.rejected, stored.why())

    async def _health(self, request: Request) -> Response:
        """Whether batches are accepted, the log, and the counts so far; 503 while the writer is behind.

        Where a token is set, those without it only learn that the receiver runs.
        """
        try:
            self._check(request)
        except Refusal as refusal:
            if refusal.status == 401:  # noqa: PLR2004 - the token is missing or wrong
                return JSONResponse({"status": "ok"})
            return _response(responses.refused(refusal, responses.JSON))
        behind, tally = self._intake.behind(), self.tally
        health = {
            "status": "ok" if behind is None else behind.message,
            "log": str(self._settings.log.absolute()),
            "pid": os.getpid(),
            "spool_filled": round(self._intake.fill, 3),
            **{name: getattr(tally, name) for name in Tally.__slots__},
        }
        return JSONResponse(health, 200 if behind is None else 503)


def _response(answer: Answer) -> Response:
    headers = {} if answer.retry_after_s is None else {"Retry-After": str(answer.retry_after_s)}
    if answer.status == 401:  # noqa: PLR2004 - RFC 9110 15.5.2 asks for it
        headers["WWW-Authenticate"] = "Bearer"
    return Response(answer.body, answer.status, headers, answer.content_type)


async def _nothing_here(request: Request, error: Exception) -> Response:
    """404 and 405, with a message."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    message = (
        f"POST to {', '.join(f'/v1/{signal}' for signal in decoding.SIGNALS)}; not {request.method} {request.url.path}"
    )
    response = _response(responses.refused(Refusal(status, message), responses.JSON))
    if status == 405:  # noqa: PLR2004 - RFC 9110 15.5.6 asks for it
        response.headers["Allow"] = "POST"
    return response
