"""The object that the code around a traced function works with.

It is the one constant of ours in that code (see `outer_code`), so nothing of the program's globals is used. What it
does is guarded: an error of ours is counted as a dropped row, and neither replaces nor hides one of the program.
"""

import sys
from collections.abc import Callable
from marshal import dumps
from time import perf_counter_ns, time_ns
from types import FunctionType, coroutine
from typing import Any, Final

from obs_core.capture.calls.arguments import failure_details
from obs_core.capture.calls.baggage import baggage_details
from obs_core.capture.calls.call import Entered, SiteHandle, without_frame
from obs_core.capture.calls.hidden_frame import HIDES
from obs_core.capture.calls.open_call import OpenCall
from obs_core.capture.calls.results import NO_RESULT, encode_result
from obs_core.capture.calls.tools import TOOLS
from obs_core.capture.calls.trace_options import TraceOptions
from obs_core.capture.context import Parent, Remote, call_of, current, random_bits, random_share, restore
from obs_core.capture.lost_rows import report_lost_row
from obs_core.capture.reentry import is_left_out, is_off
from obs_core.capture.signals import pass_on
from obs_core.capture.spool.frames import DESCRIBED, MARSHAL_VERSION, CallSite, encode_frame, encode_value
from obs_core.capture.state import process, sink
from obs_core.capture.values.describe import describe_result
from obs_core.capture.values.limits import redacted

Ids = tuple[int, int, int, int, int, int]
"""Of a running call: trace id (high, low), span id, parent's span id, start_ns, and the clock at the start."""

_ITERABLE_COROUTINE: Final = 0x100
_Remote = tuple[int, int, int, str | None]
_NUMBERS: Final = frozenset({float, int, bool, type(None)})


class TracedFunction:
    """A traced function: its call site, its options, and our tools."""

    __slots__ = (
        "baggage",
        "described_id",
        "encode",
        "float",
        "handle",
        "name",
        "no_result",
        "none",
        "numbers",
        "options",
        "remote",
        "site",
        "site_id",
        "tools",
    )

    def __init__(self, site: CallSite, options: TraceOptions, remote: _Remote | None = None) -> None:
        """Register `site` with this process; without a running call, `remote` is the parent of its calls."""
        self.remote = remote
        self.baggage: dict[str, Any] = {}
        self.tools = TOOLS
        self.site, self.options = site, options
        self.handle = SiteHandle(site)
        self.site_id = self.handle.site_id
        self.described_id = self.site_id | DESCRIBED
        self.name = site.function
        if options.result and not options.hidden:
            self.encode: Callable[[Any, int], tuple[int, bytes]] = encode_result
            self.float: type | None = float  # is compared faster than it is looked up in a set
            self.numbers, self.none = _NUMBERS, (self.site_id, dumps(None, MARSHAL_VERSION))
            self.no_result = self.described_id, dumps((None, NO_RESULT), MARSHAL_VERSION)
        else:
            self._encode_with({})

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the call site, for libraries that pickle functions by value (cloudpickle); its id differs elsewhere.

        The running call becomes the parent of the calls in the other process.
        """
        running = call_of(current.get())
        remote = self.remote if running is None or not running[2] else tuple(running)
        return TracedFunction, (self.site, self.options, remote)

    def not_started(self, error: Exception) -> None:
        """Count a call, because its start could not be recorded."""
        report_lost_row(error)

    def without_parent(self, running: Parent) -> tuple["TracedFunction", bool, int, int, int]:
        """How to record a call below `running`, which has no span id.

        Returns what the code around the function works with, whether the call is not recorded, the trace id (high, low)
        and the parent's span id.
        """
        if type(running) is not Remote:
            return self, is_left_out(running, self), time_ns(), random_bits(64), 0
        high, low, parent, _ = running.call
        if process.options.disabled:
            return self, True, high, low, parent
        details = baggage_details(running)
        return self._with_baggage(details) if details else self, False, high, low, parent

    def _with_baggage(self, details: dict[str, Any]) -> "TracedFunction":
        """A copy for one call: its row has `details`."""
        copy = object.__new__(TracedFunction)
        for name in TracedFunction.__slots__:
            setattr(copy, name, getattr(self, name))
        copy.baggage = details
        copy._encode_with(details)
        return copy

    def _encode_with(self, baggage: dict[str, Any]) -> None:
        """Describe each result, also numbers: with the baggage, or because it is left out or redacted."""

        def encode(result: object, _now_ns: int) -> tuple[int, bytes]:
            plain, details = self._described(result)
            return DESCRIBED, dumps((plain, {**(details or {}), **baggage}), MARSHAL_VERSION)

        self.encode, self.float, self.numbers = encode, None, frozenset()
        self.none = self.described_id, encode(None, 0)[1]
        self.no_result = self.described_id, dumps((None, {**NO_RESULT, **baggage}), MARSHAL_VERSION)

    def _described(self, result: object) -> tuple[Any, dict[str, Any] | None]:
        if not self.options.result:
            return None, NO_RESULT
        return redacted() if self.options.hidden else describe_result(result)

    def generator(self, function: FunctionType) -> FunctionType:
        """The function of the generator around the steps; after `types.coroutine`, its generators are awaitable."""
        if sys._getframe(1).f_code.co_flags & ~function.__code__.co_flags & _ITERABLE_COROUTINE:  # noqa: SLF001
            coroutine(function)
        return function

    def failed(self, token: Entered | None, ids: Ids, arguments: dict[str, Any]) -> None:
        """Record that a plain function raised the current exception, with the arguments of the call.

        `token` is None if the call before is the running call again.
        """
        try:
            error = _current_exception()
            high, low, span, parent, start_ns, began = ids
            duration = perf_counter_ns() - began
            if token is not None:
                restore(token, (high, low, span, self.name))
            if not HIDES:
                without_frame(error)
            details = failure_details(error, arguments)
            if self.baggage:
                details |= self.baggage
            head = self.described_id, high, low, span, parent, start_ns, duration
            put(encode_frame(head, dumps((None, details), MARSHAL_VERSION)))
        except BaseException as second:  # noqa: BLE001 - the traced program must not notice
            try:
                report_lost_row(second)
            except RecursionError:  # no room for another call: the program gets its own error
                process.homeless += 1

    def not_recorded(
        self, error: BaseException, token: Entered, ids: Ids, result: object, *, has_result: bool = True
    ) -> None:
        """Record a call that the fast path could not record; count it if that fails, too."""
        try:
            high, low, span, parent, start_ns, began = ids
            restore(token, (high, low, span, self.name))
            pass_on(error)
            # a clock beyond 64 bits, or a dict that another thread changed
            plain, details = self._described(result) if has_result else (None, NO_RESULT)
            flag, value = encode_value(plain, {**(details or {}), **self.baggage} if self.baggage else details)
            put(
                encode_frame((self.site_id | flag, high, low, span, parent, start_ns, perf_counter_ns() - began), value)
            )
        except BaseException as second:  # noqa: BLE001 - as above
            try:
                report_lost_row(second)
            except RecursionError:
                process.homeless += 1

    def not_ended(self, error: BaseException, token: Entered, ids: Ids, result: object) -> None:
        """Record a generator that has ended as `not_recorded` does; without a result if that is None."""
        self.not_recorded(error, token, ids, result, has_result=result is not None)

    def stopped(
        self,
        error: BaseException,
        token: Entered | None,
        before: Parent,
        ids: Ids,
        arguments: dict[str, Any],
    ) -> None:
        """Record that a generator raised `error`, or was closed; `token` is None if its step has not started."""
        running = ids[0], ids[1], ids[2], self.name
        try:
            if token is not None:
                restore(token, running)
            elif current.get() == running:  # a signal handler raised an exception before the token was stored
                current.set(before)
            without_frame(error)
            if type(error) is GeneratorExit:
                self._put_details(ids, {**NO_RESULT, **self.baggage})
            else:
                self._put_details(ids, failure_details(error, arguments) | self.baggage)
        except BaseException as second:  # noqa: BLE001 - as above
            try:
                report_lost_row(second)
            except RecursionError:
                process.homeless += 1

    def _put_details(self, ids: Ids, details: dict[str, Any]) -> None:
        high, low, span, parent, start_ns, began = ids
        head = self.described_id, high, low, span, parent, start_ns, perf_counter_ns() - began
        put(encode_frame(head, dumps((None, details), MARSHAL_VERSION)))

    def raised(self, call: OpenCall) -> None:
        """Record that a plain function with options raised the current exception."""
        call.raised(_current_exception(), is_hidden=HIDES)

    def started(self, arguments: dict[str, Any]) -> OpenCall | None:
        """The call that starts now, for all but plain functions with default options; None if it is not recorded."""
        before = current.get()
        try:
            if is_off(self):
                return None
            is_left_out = self.options.sample < 1 and random_share() >= self.options.sample
            return OpenCall(self.handle, self.options, arguments, self.remote, is_left_out=is_left_out)
        except BaseException as error:  # noqa: BLE001 - as above
            current.set(before)
            report_lost_row(error)
            return None


def _current_exception() -> BaseException:
    error = sys.exception()
    assert error is not None
    return error


def put(frame: bytes) -> None:
    """Put `frame` into the spool."""
    try:
        sink.write(frame)
    except ValueError:
        sink.put(frame)


def traced_by(function: FunctionType) -> TracedFunction | None:
    """What the code around a traced function works with; None for a function with its own code."""
    return next((item for item in function.__code__.co_consts if type(item) is TracedFunction), None)
