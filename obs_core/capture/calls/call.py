"""One call that is open: what spans, generators and calls with options are recorded by; and the way into the spool."""

from contextvars import Token
from time import monotonic, perf_counter_ns, time_ns
from typing import Any, Final

from obs_core.capture.context import UNSAMPLED, bits, current
from obs_core.capture.spool.frames import NOT_MEASURED, CallSite, frame, site_key, value_bytes
from obs_core.capture.values.describe import describe
from obs_core.capture.values.exceptions import failed
from obs_core.capture.values.limits import redacted
from obs_core.capture.writer import outlet, process

_COMPLAINT_S: Final = 20.0
_MOST_NAMES: Final = 10_000
_last_complaint: Final = [-_COMPLAINT_S]


class SiteHandle:
    """A site as its rows need it: its number, or its marshalled form where it has none, and the function's name."""

    __slots__ = ("function", "key", "number")

    def __init__(self, site: CallSite) -> None:
        """Number `site`, and tell the spool."""
        self.key = site_key(site)
        self.number = process.number(self.key)
        self.function = site.function


def emit(
    point: SiteHandle,
    place: tuple[int, int, int, int],
    moments: tuple[int, int],
    value: Any,  # noqa: ANN401 - any plain data
    more: dict[str, Any] | None,
) -> None:
    """Write a row: `place` is (trace high, trace low, span, parent), `moments` (start, duration); never raises."""
    try:
        if not point.number:
            more = {**(more or {}), "site": point.key}
        flag, text = value_bytes(value, more)
        data = frame((point.number | flag, *place, *moments), text)
        try:
            outlet.write(data)
        except ValueError:
            outlet.put(data)
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
    import logging  # noqa: PLC0415 - only when something is wrong

    logging.getLogger("obs_core").warning(text)


class Call:
    """A call from its start to its end; `more` holds what its row will say beyond the usual."""

    __slots__ = ("_clock", "_parent", "_point", "_token", "began", "more", "running")

    def __init__(self, point: SiteHandle, function: str | None = None) -> None:
        """A call at `point`, below the call that runs here; `function` records the values inside, else the point's."""
        self.began = time_ns()
        self._point = point
        self._token: Token[tuple[int, int, int, str | None] | None] | None = None
        self.more: dict[str, Any] = {}
        above = current.get()
        high, low, self._parent, _ = above or (self.began, bits(64), 0, None)
        self.running: tuple[int, int, int, str | None] = (high, low, bits(64), function or point.function)
        self._clock = perf_counter_ns()

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
        plain, more = redacted() if hidden else describe(value)
        self._emit(duration, plain, more)

    def ended(self) -> None:
        """Record that the call ended without a value of its own."""
        self._emit(perf_counter_ns() - self._clock, None, {"result": False})

    def raised(self, error: BaseException) -> None:
        """Record that the call ended with `error`."""
        self._emit(perf_counter_ns() - self._clock, None, described_failure(error))

    def _emit(self, duration: int, value: object, more: dict[str, Any] | None) -> None:
        if self.running is UNSAMPLED:
            return
        if self.more:
            more = {**(more or {}), **self.more}
        high, low, span, _ = self.running
        emit(self._point, (high, low, span, self._parent), (self.began, duration), value, more)


def described_failure(error: BaseException) -> dict[str, Any]:
    """What the row of a call that raised `error` says; never raises."""
    try:
        return failed(error)
    except Exception as second:  # noqa: BLE001 - the traced program must not notice
        lost(second)
        return {"status": "ERROR", "result": False, "exception": type(error).__qualname__}


def emit_value(point: SiteHandle, moment_ns: int, value: object, more: dict[str, Any] | None) -> None:
    """Write a value below the running call."""
    high, low, parent, _ = current.get() or (0, 0, 0, None)
    emit(point, (high, low, 0, parent), (moment_ns, NOT_MEASURED), value, more)


def is_off() -> bool:
    """Whether nothing is recorded here: capture is disabled, or the running call was left out by sampling."""
    return process.options.disabled or current.get() is UNSAMPLED


_points: Final[dict[CallSite, SiteHandle]] = {}


def point_of(site: CallSite) -> SiteHandle:
    """The point of a site that is named at run time; as many are remembered as a program has names of its own."""
    point = _points.get(site)
    if point is None:
        point = SiteHandle(site)
        if len(_points) < _MOST_NAMES:
            _points[site] = point
    return point
