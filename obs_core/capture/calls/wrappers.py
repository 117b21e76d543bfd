"""The wrappers around traced functions: plain, with options, coroutines.

The wrapper of a plain function is written out in one piece: each helper it called would add 60-100 ns to every traced
call. Whatever goes wrong on our side is swallowed; the function's result and exceptions pass untouched, and our own
frame is taken out of their tracebacks.
"""

from collections.abc import Callable
from marshal import dumps
from time import perf_counter_ns, time_ns
from typing import Any, Final
from zlib import adler32

from obs_core.capture.calls.call import Call, SiteHandle, described_failure, is_off, lost
from obs_core.capture.calls.trace_options import TraceOptions, memory_in_use, memory_since, record_arguments
from obs_core.capture.context import UNSAMPLED, bits, chance, current
from obs_core.capture.spool.frames import DESCRIBED, HEAD, MARSHAL_VERSION, frame
from obs_core.capture.values.describe import encode_plain
from obs_core.capture.writer import outlet, process

Function = Callable[..., Any]
pack: Final = HEAD.pack


def plain(function: Function, site: int, full: str | None) -> Function:
    """`function`, traced with the usual options."""
    described = site | DESCRIBED

    def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function
        parent = current.get()
        began = time_ns()
        if parent is None:
            if process.options.disabled:
                return function(*args, **kwargs)
            high, low, above = began, bits(64), 0
        elif parent is UNSAMPLED:
            return function(*args, **kwargs)
        else:
            high, low, above, _ = parent
        span = bits(64)
        token = current.set((high, low, span, full))
        clock = perf_counter_ns()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            duration = perf_counter_ns() - clock
            current.reset(token)
            _put_failure((described, high, low, span, above, began, duration), error)
            raise
        duration = perf_counter_ns() - clock
        current.reset(token)
        try:
            if type(result) is float:
                value = dumps(result, 2)
                body = pack(len(value), site, high, low, span, above, began, duration) + value
            else:
                simple, more = encode_plain(result)
                value = dumps(simple, 2) if more is None else dumps((simple, more), 2)
                number = site if more is None else described
                body = pack(len(value), number, high, low, span, above, began, duration) + value
            frame = body + adler32(body).to_bytes(4, "little")
            try:
                outlet.write(frame)
            except ValueError:
                outlet.put(frame)
        except Exception as error:  # noqa: BLE001 - the traced program must not notice
            lost(error)
        return result

    return wrapper


def _put_failure(place: tuple[int, int, int, int, int, int, int], error: BaseException) -> None:
    """The row of a call that raised."""
    without_own_frame(error)
    try:
        data = frame(place, dumps((None, described_failure(error)), MARSHAL_VERSION))
        try:
            outlet.write(data)
        except ValueError:
            outlet.put(data)
    except Exception as second:  # noqa: BLE001 - the traced program must not notice
        lost(second)


class TracedCall:
    """One call with options, around its run: whether it is recorded, its arguments, its memory, its end."""

    __slots__ = ("_before", "_how", "call")

    def __init__(
        self, point: SiteHandle, short: str, how: TraceOptions, arguments: tuple[tuple[Any, ...], dict[str, Any]]
    ) -> None:
        """Begin the call, and enter it."""
        self._how = how
        self.call = Call(point)
        self.call.enter()
        if how.args:
            record_arguments(point, short, how, *arguments)
        self._before = memory_in_use() if how.memory else None

    def returned(self, value: object) -> None:
        """Leave the call; it ended with `value`."""
        self._leave()
        if self._how.result:
            self.call.returned(value, hidden=self._how.hidden)
        else:
            self.call.ended()

    def raised(self, error: BaseException) -> None:
        """Leave the call; it ended with `error`."""
        self._leave()
        without_own_frame(error)
        self.call.raised(error)

    def _leave(self) -> None:
        self.call.leave()
        if self._before and (delta := memory_since(self._before)) is not None:
            self.call.more["memory"] = delta


def with_options(function: Function, point: SiteHandle, short: str, how: TraceOptions) -> Function:
    """`function`, traced as `how` says."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function
        if is_off():
            return function(*args, **kwargs)
        if how.sample < 1 and chance() >= how.sample:
            token = current.set(UNSAMPLED)
            try:
                return function(*args, **kwargs)
            finally:
                current.reset(token)
        guarded = TracedCall(point, short, how, (args, kwargs))
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            guarded.raised(error)
            raise
        guarded.returned(result)
        return result

    return wrapper


def coroutine(function: Function, point: SiteHandle, short: str, how: TraceOptions) -> Function:
    """The coroutine function `function`, traced as `how` says."""

    async def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function
        if is_off():
            return await function(*args, **kwargs)
        if how.sample < 1 and chance() >= how.sample:
            token = current.set(UNSAMPLED)
            try:
                return await function(*args, **kwargs)
            finally:
                current.reset(token)
        guarded = TracedCall(point, short, how, (args, kwargs))
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            guarded.raised(error)
            raise
        guarded.returned(result)
        return result

    return wrapper


def without_own_frame(error: BaseException) -> None:
    """Take our wrapper's frame, the first of the traceback, out of it; a bare `raise` does not add it again."""
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
