"""The wrappers around generators and async generators: one call each, from the first step to the end.

A context variable set inside a generator leaks to the code that steps it (PEP 568 was never accepted), so the call is
entered for each step and left at each yield.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from obs_core.capture.calls.call import Call, SiteHandle, is_off
from obs_core.capture.calls.trace_options import TraceOptions, record_arguments
from obs_core.capture.calls.wrappers import Function, remove_own_frame
from obs_core.capture.context import UNSAMPLED, random_share


def _start(
    handle: SiteHandle, call_name: str, options: TraceOptions, arguments: tuple[tuple[Any, ...], dict[str, Any]]
) -> tuple[Call, Callable[[object], None]]:
    """Start a call at its first step; return it and a function that records its return value."""
    call = Call(handle)
    if is_off() or (options.sample < 1 and random_share() >= options.sample):
        call.running = UNSAMPLED
    elif options.args:
        call.enter()
        record_arguments(handle, call_name, options, *arguments)
        call.leave()

    def end(value: object) -> None:
        if value is None or not options.result:
            call.ended()
        else:
            call.returned(value, hidden=options.hidden)

    return call, end


def wrap_generator(function: Function, handle: SiteHandle, call_name: str, options: TraceOptions) -> Function:
    """Wrap a generator function; the recorded value is what it returned, not what it yielded."""

    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:  # noqa: ANN401 - any function
        inner = function(*args, **kwargs)
        call, end = _start(handle, call_name, options, (args, kwargs))
        sent: Any = None
        thrown: BaseException | None = None
        while True:
            call.enter()
            try:
                item = inner.send(sent) if thrown is None else inner.throw(thrown)
            except StopIteration as stop:
                call.leave()
                end(stop.value)
                return stop.value
            except BaseException as error:
                call.leave()
                remove_own_frame(error)
                call.raised(error)
                raise
            call.leave()
            try:
                sent, thrown = (yield item), None
            except GeneratorExit:
                inner.close()
                call.ended()
                raise
            except BaseException as error:  # noqa: BLE001 - thrown in by the caller: the generator handles it
                sent, thrown = None, error

    return wrapper


def wrap_async_generator(function: Function, handle: SiteHandle, call_name: str, options: TraceOptions) -> Function:
    """Wrap an async generator function."""

    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:  # noqa: ANN401 - any function
        inner = function(*args, **kwargs)
        call, end = _start(handle, call_name, options, (args, kwargs))
        sent: Any = None
        thrown: BaseException | None = None
        while True:
            call.enter()
            try:
                item = await (inner.asend(sent) if thrown is None else inner.athrow(thrown))
            except StopAsyncIteration:
                call.leave()
                end(None)
                return
            except BaseException as error:
                call.leave()
                remove_own_frame(error)
                call.raised(error)
                raise
            call.leave()
            try:
                sent, thrown = (yield item), None
            except GeneratorExit:
                await inner.aclose()
                end(None)
                raise
            except BaseException as error:  # noqa: BLE001 - thrown in by the caller: the generator handles it
                sent, thrown = None, error

    return wrapper
