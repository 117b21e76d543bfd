"""An open call (used by spans, generators and calls with options), and `emit`, which puts frames into the spool."""

from contextvars import Token
from time import perf_counter_ns, time_ns
from typing import Any, Final

from obs_core.capture.calls.baggage import baggage_details
from obs_core.capture.context import RECORDING, UNSAMPLED, Parent, Remote, current, random_bits, restore
from obs_core.capture.lost_rows import report, report_lost_row
from obs_core.capture.signals import pass_on
from obs_core.capture.spool.frames import NOT_MEASURED, CallSite, encode_frame, encode_site, encode_value
from obs_core.capture.state import process, sink
from obs_core.capture.values.describe import describe_result
from obs_core.capture.values.exceptions import exception_details
from obs_core.capture.values.limits import redacted, rules

_MAX_HANDLES: Final = 10_000
_TRACEBACK: Final = BaseException.__dict__["__traceback__"]
Entered = Token[Parent]


class SiteHandle:
    """A registered call site: its id, its marshalled form (for a site without an id), and the function's name."""

    __slots__ = ("data", "function", "site_id", "site_key")

    def __init__(self, site: CallSite) -> None:
        """Register `site` with this process and its spool."""
        name = rules.redaction.scrubbed(site.data)
        self.site_key = encode_site(site if name == site.data else site._replace(data=name))
        self.site_id = process.site_id(self.site_key)
        self.function = site.function
        self.data = site.data


def emit(
    handle: SiteHandle,
    ids: tuple[int, int, int, int],
    timing: tuple[int, int],
    value: Any,  # noqa: ANN401 - any plain data
    details: dict[str, Any] | None,
) -> None:
    """Put the frame of one row into the spool; never raises.

    `ids` are (high and low half of the trace id, span id, parent's span id), `timing` is (start, duration) in ns.
    """
    try:
        if not handle.site_id:
            details = {**(details or {}), "site": handle.site_key}
        flag, encoded = encode_value(value, details)
        frame = encode_frame((handle.site_id | flag, *ids, *timing), encoded)
        try:
            sink.write(frame)
        except ValueError:
            sink.put(frame)
    except Exception as error:  # noqa: BLE001 - the traced program must not notice
        report_lost_row(error)


class Call:
    """A call from its start to its end; `details` are extra fields of its row (see `frames.Frame`).

    While it is the running call, `token` restores the one from before, `outer`.
    """

    __slots__ = ("_clock", "_handle", "_parent", "details", "outer", "running", "start_ns", "token")

    def __init__(
        self,
        handle: SiteHandle,
        function: str | None = None,
        remote: Parent = None,
        *,
        takes_baggage: bool = True,
    ) -> None:
        """Start a child of the running call, or without one of `remote`.

        Values recorded inside belong to `function`, by default the site's.
        """
        self.start_ns = time_ns()
        self._handle = handle
        self.token: Entered | None = None
        self.outer: Parent = None
        self.details: dict[str, Any] = {}
        parent = current.get() or remote
        if type(parent) is Remote:
            if takes_baggage:
                self.details |= baggage_details(parent)
            parent = parent.call
        elif parent is None or not parent[2]:  # a signal handler or finalizer interrupted code of ours
            parent = self.start_ns, random_bits(64), 0, None
        high, low, self._parent, _ = parent
        self.running: tuple[int, int, int, str | None] = (high, low, random_bits(64), function or handle.function)
        self._clock = perf_counter_ns()

    def enter(self) -> None:
        """Make this call the parent of what starts next."""
        self.outer = current.get()
        self.token = current.set(self.running)

    def leave(self) -> None:
        """Make the call that was running before `enter` the parent again."""
        token = self.token
        if token is not None:
            try:
                current.reset(token)
            except (ValueError, RuntimeError):
                restore(token, self.running)
            self.token = None
        elif current.get() is self.running:  # a signal handler raised an exception while this call was entered
            current.set(self.outer)

    def returned(self, value: object, *, hidden: bool = False) -> None:
        """Record the end of the call and its return value; `hidden` redacts the value."""
        duration = perf_counter_ns() - self._clock
        plain, details = redacted() if hidden else describe_result(value)
        self._emit(duration, plain, details)

    def ended(self) -> None:
        """Record the end of the call without a return value."""
        self._emit(perf_counter_ns() - self._clock, None, {"result": False})

    def raised(self, error: BaseException) -> None:
        """Record that the call raised `error`."""
        self._emit(perf_counter_ns() - self._clock, None, describe_exception(error))

    def _emit(self, duration: int, value: object, details: dict[str, Any] | None) -> None:
        if self.running is UNSAMPLED:
            return
        if self.details:
            details = {**(details or {}), **self.details}
        high, low, span, _ = self.running
        emit(self._handle, (high, low, span, self._parent), (self.start_ns, duration), value, details)


def without_frame(error: BaseException) -> BaseException:
    """`error`, without the first stack frame of its traceback, which is ours; a bare `raise` does not add it again.

    Past the attributes of its class, which may refuse to be set.
    """
    traceback = _TRACEBACK.__get__(error)
    if traceback is not None:
        _TRACEBACK.__set__(error, traceback.tb_next)
    return error


def describe_exception(error: BaseException) -> dict[str, Any]:
    """The extra row fields of a call that raised `error`; raises what a signal handler raises meanwhile."""
    token = current.set(RECORDING)  # traced functions that this calls are not the program's calls
    try:
        return details_of_exception(error)
    finally:
        current.reset(token)


def details_of_exception(error: BaseException) -> dict[str, Any]:
    """Like `describe_exception`, if RECORDING is the running call already."""
    try:
        return exception_details(error)
    except Exception as second:  # noqa: BLE001 - the traced program must not notice
        pass_on(second)
        report(second)
        return {"status": "ERROR", "result": False, "exception": type(error).__qualname__}


def emit_value(handle: SiteHandle, timestamp_ns: int, value: object, details: dict[str, Any] | None) -> None:
    """Write a row that has a value and no duration, as a child of the running call."""
    running = current.get() or (0, 0, 0, None)
    if type(running) is Remote:
        running = running.call
    high, low, parent, _ = running
    emit(handle, (high, low, 0, parent), (timestamp_ns, NOT_MEASURED), value, details)


_handles: Final[dict[CallSite, SiteHandle]] = {}


def handle_of(site: CallSite) -> SiteHandle:
    """The handle of a site that is named at run time, cached for the first 10,000 names."""
    handle = _handles.get(site)
    if handle is None:
        handle = SiteHandle(site)
        if len(_handles) < _MAX_HANDLES:
            _handles[site] = handle
    return handle
