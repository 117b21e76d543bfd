"""The wrappers around traced functions: plain, with options, coroutines.

The wrapper of a plain function is one piece of code, because each helper call would add 60-100 ns to every traced call.
Our own errors are swallowed; the function's result and exceptions pass unchanged, and our own stack frame is removed
from their tracebacks.
"""

import struct
from collections.abc import Callable
from marshal import dumps
from time import perf_counter_ns, time_ns
from typing import Any, Final
from zlib import adler32

from obs_core.capture.calls.call import Call, SiteHandle, describe_exception, is_off
from obs_core.capture.calls.trace_options import TraceOptions, memory_in_use, memory_since, record_arguments
from obs_core.capture.context import UNSAMPLED, current, random_bits, random_share
from obs_core.capture.lost_rows import report_lost_row
from obs_core.capture.spool.frames import DESCRIBED, HEAD, MARSHAL_VERSION, encode_frame, encode_value
from obs_core.capture.state import process, sink
from obs_core.capture.values.describe import encode_plain

Function = Callable[..., Any]
pack: Final = HEAD.pack


def wrap_plain(function: Function, site_id: int, function_name: str | None) -> Function:
    """Wrap a plain function that is traced with the default options: the fast path."""
    described_id = site_id | DESCRIBED

    def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function
        running = current.get()
        start_ns = time_ns()
        if running is None:
            if process.options.disabled:
                return function(*args, **kwargs)
            high, low, parent = start_ns, random_bits(64), 0
        elif running is UNSAMPLED:
            return function(*args, **kwargs)
        else:
            high, low, parent, _ = running
        span = random_bits(64)
        token = current.set((high, low, span, function_name))
        clock = perf_counter_ns()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            duration = perf_counter_ns() - clock
            current.reset(token)
            _emit_exception((described_id, high, low, span, parent, start_ns, duration), error)
            raise
        duration = perf_counter_ns() - clock
        current.reset(token)
        try:
            if type(result) is float:
                value = dumps(result, 2)
                body = pack(len(value), site_id, high, low, span, parent, start_ns, duration) + value
            else:
                simple, details = encode_plain(result)
                value = dumps(simple, 2) if details is None else dumps((simple, details), 2)
                flagged_id = site_id if details is None else described_id
                body = pack(len(value), flagged_id, high, low, span, parent, start_ns, duration) + value
            frame = body + adler32(body).to_bytes(4, "little")
            try:
                sink.write(frame)
            except ValueError:
                sink.put(frame)
        except Exception as error:  # noqa: BLE001 - the traced program must not notice
            _emit_again(error, (high, low, span, parent, start_ns, duration), site_id, result)
        return result

    return wrapper


def _emit_again(error: Exception, ids_and_times: tuple[int, ...], site_id: int, result: object) -> None:
    """Put the frame of a call into the spool that the fast path could not pack; report every other error."""
    try:
        if not isinstance(error, struct.error):  # a clock beyond 64 bits
            raise error
        flag, value = encode_value(*encode_plain(result))
        high, low, span, parent, start_ns, duration = ids_and_times
        frame = encode_frame((site_id | flag, high, low, span, parent, start_ns, duration), value)
        try:
            sink.write(frame)
        except ValueError:
            sink.put(frame)
    except Exception as second:  # noqa: BLE001 - the traced program must not notice
        report_lost_row(second)


def _emit_exception(head_fields: tuple[int, int, int, int, int, int, int], error: BaseException) -> None:
    """Put the frame of a call that raised `error` into the spool."""
    remove_own_frame(error)
    try:
        frame = encode_frame(head_fields, dumps((None, describe_exception(error)), MARSHAL_VERSION))
        try:
            sink.write(frame)
        except ValueError:
            sink.put(frame)
    except Exception as second:  # noqa: BLE001 - the traced program must not notice
        report_lost_row(second)


class TracedCall:
    """One running call that is traced with options: records its arguments, memory and end."""

    __slots__ = ("_before", "_options", "call")

    def __init__(
        self,
        handle: SiteHandle,
        call_name: str,
        options: TraceOptions,
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
    ) -> None:
        """Start the call, enter it and record its arguments."""
        self._options = options
        self.call = Call(handle)
        self.call.enter()
        if options.args:
            record_arguments(handle, call_name, options, *arguments)
        self._before = memory_in_use() if options.memory else None

    def returned(self, value: object) -> None:
        """Leave the call and record its return value."""
        self._leave()
        if self._options.result:
            self.call.returned(value, hidden=self._options.hidden)
        else:
            self.call.ended()

    def raised(self, error: BaseException) -> None:
        """Leave the call and record that it raised `error`."""
        self._leave()
        remove_own_frame(error)
        self.call.raised(error)

    def _leave(self) -> None:
        self.call.leave()
        if self._before and (delta := memory_since(self._before)) is not None:
            self.call.details["memory"] = delta


def wrap_with_options(function: Function, handle: SiteHandle, call_name: str, options: TraceOptions) -> Function:
    """Wrap a plain function that is traced with `options`."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function
        if is_off():
            return function(*args, **kwargs)
        if options.sample < 1 and random_share() >= options.sample:
            token = current.set(UNSAMPLED)
            try:
                return function(*args, **kwargs)
            finally:
                current.reset(token)
        traced_call = TracedCall(handle, call_name, options, (args, kwargs))
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            traced_call.raised(error)
            raise
        traced_call.returned(result)
        return result

    return wrapper


def wrap_coroutine(function: Function, handle: SiteHandle, call_name: str, options: TraceOptions) -> Function:
    """Wrap a coroutine function that is traced with `options`."""

    async def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function
        if is_off():
            return await function(*args, **kwargs)
        if options.sample < 1 and random_share() >= options.sample:
            token = current.set(UNSAMPLED)
            try:
                return await function(*args, **kwargs)
            finally:
                current.reset(token)
        traced_call = TracedCall(handle, call_name, options, (args, kwargs))
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            traced_call.raised(error)
            raise
        traced_call.returned(result)
        return result

    return wrapper


def remove_own_frame(error: BaseException) -> None:
    """Remove our wrapper's stack frame, the first of the traceback; a bare `raise` does not add it again."""
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
