"""The open calls of OTLP over gRPC: how many may wait for their message, for how long, and how much they hold.

grpcio has no time limit for a message to arrive, so a few senders that never finish one would keep all others out.
As over HTTP, a new call beyond the most allowed replaces the one that has let the receiver wait the longest.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from obs_core.ingest.receiver.responses import Refusal

_SWEEP_S: Final = 0.25
_WAITING: Final = 8  # calls without their message; the others are being stored


class Calls:
    """The open calls; a thread ends those that have no message within `body_s` seconds."""

    def __init__(self, body_s: float, most_bytes: int, small: int) -> None:
        """Messages larger than `small` are refused while all have more than `most_bytes` together."""
        self._body_s = body_s
        self._most_bytes = most_bytes
        self._small = small
        self._waiting: dict[Any, float] = {}  # the context of each, in the order of their begin
        self._bytes = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        threading.Thread(target=self._sweep, name="otlp-grpc-calls", daemon=True).start()

    def end(self) -> None:
        """End the thread."""
        self._ended.set()

    def message(self, messages: Iterator[bytes], context: Any) -> bytes:  # noqa: ANN401 - grpcio has no types
        """The message of a call, once it is here; empty if the call was ended before that."""
        with self._lock:
            oldest = next(iter(self._waiting)) if len(self._waiting) >= _WAITING else None
            self._waiting.pop(oldest, None)
            self._waiting[context] = time.monotonic()
        if oldest is not None:
            oldest.cancel()
        try:
            return next(messages, b"")
        finally:
            with self._lock:
                self._waiting.pop(context, None)

    @contextmanager
    def held(self, size: int) -> Iterator[None]:
        """Count a message of `size` bytes as in memory.

        Raises:
            Refusal: 503, there are too many large ones.
        """
        with self._lock:
            if size > self._small and self._bytes + size > self._most_bytes:
                raise Refusal(503, "Too many large requests at once.", 1)
            self._bytes += size
        try:
            yield
        finally:
            with self._lock:
                self._bytes -= size

    def _sweep(self) -> None:
        while not self._ended.wait(_SWEEP_S):
            before = time.monotonic() - self._body_s
            with self._lock:
                late = [context for context, since in self._waiting.items() if since < before]
            for context in late:
                context.cancel()
