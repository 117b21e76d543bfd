"""The receiver's connections: how many there may be, and how long each may take for what it does.

uvicorn has a time limit for idle connections only: a client that never finishes the head of its request, or reads no
answer, would stay for ever. Here each state has a time limit, and a new connection beyond the most allowed replaces
the one that has let the receiver wait the longest, so slow clients can't keep others out.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_SWEEP_S: Final = 0.25
_ANSWER_S: Final = 60  # for the answer to be made and read; exporters give up after ten seconds
_LINGER_S: Final = 5  # for the rest of a body that was refused: closing at once would also discard the answer
_FREE_CHUNKS: Final = 1_000
_CHUNK_BYTES: Final = 64  # that further chunks must have on average: each costs 20 µs
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class State(Enum):
    """What a connection is doing."""

    HEAD = "the head of a request arrives"
    BODY = "its body arrives"
    ANSWER = "the request is answered"
    REST = "it is answered, and the rest of its body arrives"
    IDLE = "the next request has not begun"


@dataclass(slots=True)
class Connections:
    """The open connections; `limits_s` are the seconds for each state."""

    most: int
    most_of_peer: int
    limits_s: dict[State, float]
    open: set["Connection"] = field(default_factory=set)
    _sweep: asyncio.TimerHandle | None = None

    @classmethod
    def limited(cls, most: int, most_of_peer: int, head_s: float, body_s: float, idle_s: float) -> "Connections":
        """Without connections yet. The application answers 408 itself after `body_s`."""
        limits_s = {State.HEAD: head_s, State.BODY: body_s + _LINGER_S, State.IDLE: idle_s}
        return cls(most, most_of_peer, {**limits_s, State.ANSWER: _ANSWER_S, State.REST: _LINGER_S})

    def admit(self, connection: "Connection") -> bool:
        """Whether there is room for this connection; another one may be closed for it."""
        of_peer = [other for other in self.open if other.peer == connection.peer]
        if len(of_peer) >= self.most_of_peer and not _closed_one(of_peer):
            return False
        if len(self.open) >= self.most and not _closed_one(self.open):
            return False
        self.open.add(connection)
        if self._sweep is None:
            self._sweep = connection.loop.call_later(_SWEEP_S, self._close_late, connection.loop)
        return True

    def _close_late(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close the connections that are over their time, and do so again while there are any."""
        now = loop.time()
        for connection in [one for one in self.open if now - one.since > self.limits_s[one.state]]:
            connection.leave()
        self._sweep = loop.call_later(_SWEEP_S, self._close_late, loop) if self.open else None


def _closed_one(connections: Iterable["Connection"]) -> bool:
    """Close the connection that has kept the receiver waiting the longest; False if all are being answered."""
    waiting = [one for one in connections if one.state is not State.ANSWER]
    if not waiting:
        return False
    min(waiting, key=lambda one: one.since).leave()
    return True


class _Chunks(h11.Connection):
    """HTTP/1.1 of a server, without bodies that consist of thousands of tiny chunks."""

    _count = _bytes = 0

    def next_event(self) -> Any:  # noqa: ANN401 - an event or one of two sentinels
        event = super().next_event()
        if isinstance(event, h11.Data):
            self._count += 1
            self._bytes += len(event.data)
            if self._count > _FREE_CHUNKS and self._bytes < self._count * _CHUNK_BYTES:
                raise h11.RemoteProtocolError("The chunks of the body are too small.")
        elif isinstance(event, h11.Request):
            self._count = self._bytes = 0
        return event


class Connection(H11Protocol):
    """One connection to a client, which knows since when it does what it does (`since`, a time of the event loop)."""

    def __init__(self, connections: Connections, **more: Any) -> None:  # noqa: ANN401 - uvicorn's own
        """It joins `connections` when it is open."""
        super().__init__(**more)
        self.conn = _Chunks(h11.SERVER)
        self.peer = ""
        self.state = State.HEAD
        self.since = self.loop.time()
        self._connections = connections
        self._request: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Join the others, or answer 503 if all of them are busy."""
        super().connection_made(transport)
        self.peer = self.client[0] if self.client else ""
        if not self._connections.admit(self):
            transport.write(_BUSY)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the others."""
        self._connections.open.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        if not self.transport.is_closing():
            super().data_received(data)
            self._note(State.HEAD)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._note(State.HEAD if self.conn.trailing_data[0] else State.IDLE)

    def send_400_response(self, msg: str) -> None:
        """Answer 400, or close the connection if that is too late; a running request gives its own answer up."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:  # what follows a request that was answered already
            self.transport.abort()

    def leave(self) -> None:
        """Close it; what was written is still sent to a client that is only late."""
        self._connections.open.discard(self)
        if self.state in (State.HEAD, State.IDLE):
            self.transport.close()
        else:
            self.transport.abort()

    def _note(self, without_request: State) -> None:
        """Note what the connection does; more bytes of the same do not extend its time."""
        request = self.cycle
        if request is not None and not request.response_complete:
            state = State.BODY if request.more_body else State.ANSWER
        elif self.conn.their_state is h11.SEND_BODY:
            state = State.REST
        else:
            state = without_request
        if state is not self.state or request is not self._request:
            self.state, self._request, self.since = state, request, self.loop.time()
