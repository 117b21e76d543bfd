"""One call that is open: what spans, generators and calls with options are recorded by; and the way into the spool."""

import logging
from contextvars import Token
from marshal import dumps
from time import monotonic, perf_counter_ns, time_ns
from typing import Any, Final
from zlib import adler32

from obs_core.capture.context import UNSAMPLED, bits, current, trace_id
from obs_core.capture.describe import packed, redacted
from obs_core.capture.failure import failed
from obs_core.capture.frames import HEAD, MARSHAL_VERSION
from obs_core.capture.writer import outlet, process

_head: Final = HEAD.pack
_COMPLAINT_S: Final = 20.0
_last_complaint: Final = [-_COMPLAINT_S]


def emit(event: tuple[Any, ...]) -> None:
    """Put the parts of an `Event` into the spool; never raises an Exception."""
    try:
        payload = dumps(event, MARSHAL_VERSION)
        frame = _head(adler32(payload), len(payload)) + payload
        try:
            outlet.write(frame)
        except ValueError:
            outlet.put(frame)
    except Exception as error:  # noqa: BLE001 - the traced program must not notice
        lost(error)


def lost(error: BaseException) -> None:
    """A row could not be made: say why in the status, and in the log of the program once per 20 s."""
    now = monotonic()
    if now - _last_complaint[0] < _COMPLAINT_S:
        return
    _last_complaint[0] = now
    text = f"a row was lost: {type(error).__name__}: {error}"
    if process.writer is not None and not process.writer.closed:
        process.writer.spool.header.last_error = text
    logging.getLogger("obs_core").warning(text)


class Call:
    """A call from its start to its end; `more` holds what its row will say beyond the usual."""

    __slots__ = ("_clock", "_parent", "_site", "_token", "began", "more", "running")

    def __init__(self, site: bytes, function: str | None) -> None:
        """A call of `function` (None: the running one) at `site`, below the call that runs here."""
        self.began = time_ns()
        self._clock = perf_counter_ns()
        self._site = site
        self._token: Token[tuple[bytes, int, str | None] | None] | None = None
        self.more: dict[str, object] = {}
        parent = current.get()
        trace = trace_id(self.began) if parent is None else parent[0]
        self._parent = None if parent is None else parent[1]
        self.running: tuple[bytes, int, str | None] = (trace, bits(64), function)

    def enter(self) -> None:
        """What starts from here on is below this call."""
        self._token = current.set(self.running)

    def leave(self) -> None:
        """What starts from here on is no longer below this call."""
        token, self._token = self._token, None
        if token is not None:
            current.reset(token)

    def returned(self, value: object, *, hidden: bool = False) -> None:
        """Record that the call ended with `value`."""
        duration = perf_counter_ns() - self._clock
        try:
            plain, more = redacted() if hidden else packed(value)
        except Exception as error:  # noqa: BLE001 - the traced program must not notice
            plain, more = None, {"type": type(value).__name__, "text": f"<not described: {type(error).__name__}>"}
        self._emit(duration, plain, more)

    def ended(self) -> None:
        """Record that the call ended without a value of its own."""
        self._emit(perf_counter_ns() - self._clock, None, {"result": False})

    def raised(self, error: BaseException) -> None:
        """Record that the call ended with `error`."""
        duration = perf_counter_ns() - self._clock
        try:
            more = failed(error)
        except Exception as second:  # noqa: BLE001 - as above
            more = {"status": "ERROR", "result": False, "exception": type(error).__qualname__}
            lost(second)
        self._emit(duration, None, more)

    def _emit(self, duration: int, value: object, more: dict[str, object] | None) -> None:
        if self.more:
            more = {**(more or {}), **self.more}
        trace, span, _ = self.running
        emit((self._site, trace, span, self._parent, self.began, duration, value, more))


def is_off() -> bool:
    """Whether nothing is recorded here: capture is disabled, or the running call was left out by sampling."""
    return process.options.disabled or current.get() is UNSAMPLED
