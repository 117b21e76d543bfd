"""The wrappers around generators and async generators: one call each, from the first step to the end.

A context variable set inside a generator would leak to whoever steps it (PEP 568 was never accepted), so the call is
entered for each step and left at each yield.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from obs_core.capture.calls.call import Call, SiteHandle, is_off
from obs_core.capture.calls.trace_options import TraceOptions, record_arguments
from obs_core.capture.calls.wrappers import Function, without_own_frame
from obs_core.capture.context import UNSAMPLED, chance


def _begun(
    point: SiteHandle, short: str, how: TraceOptions, arguments: tuple[tuple[Any, ...], dict[str, Any]]
) -> tuple[Call, Callable[[object], None]]:
    """A call at its first step, and what records its return value."""
    call = Call(point)
    if is_off() or (how.sample < 1 and chance() >= how.sample):
        call.running = UNSAMPLED
    elif how.args:
        call.enter()
        record_arguments(point, short, how, *arguments)
        call.leave()

    def ended(value: object) -> None:
        if value is None or not how.result:
            call.ended()
        else:
            call.returned(value, hidden=how.hidden)

    return call, ended


def generator(function: Function, point: SiteHandle, short: str, how: TraceOptions) -> Function:
    """The generator function `function`, traced as `how` says; its value is what it returned, not what it yielded."""

    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:  # noqa: ANN401 - any function
        inner = function(*args, **kwargs)
        call, ended = _begun(point, short, how, (args, kwargs))
        sent: Any = None
        thrown: BaseException | None = None
        while True:
            call.enter()
            try:
                item = inner.send(sent) if thrown is None else inner.throw(thrown)
            except StopIteration as stop:
                call.leave()
                ended(stop.value)
                return stop.value
            except BaseException as error:
                call.leave()
                without_own_frame(error)
                call.raised(error)
                raise
            call.leave()
            try:
                sent, thrown = (yield item), None
            except GeneratorExit:
                inner.close()
                call.ended()
                raise
            except BaseException as error:  # noqa: BLE001 - thrown in from outside: the generator decides
                sent, thrown = None, error

    return wrapper


def async_generator(function: Function, point: SiteHandle, short: str, how: TraceOptions) -> Function:
    """The async generator function `function`, traced as `how` says."""

    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:  # noqa: ANN401 - any function
        inner = function(*args, **kwargs)
        call, ended = _begun(point, short, how, (args, kwargs))
        sent: Any = None
        thrown: BaseException | None = None
        while True:
            call.enter()
            try:
                item = await (inner.asend(sent) if thrown is None else inner.athrow(thrown))
            except StopAsyncIteration:
                call.leave()
                ended(None)
                return
            except BaseException as error:
                call.leave()
                without_own_frame(error)
                call.raised(error)
                raise
            call.leave()
            try:
                sent, thrown = (yield item), None
            except GeneratorExit:
                await inner.aclose()
                ended(None)
                raise
            except BaseException as error:  # noqa: BLE001 - thrown in from outside: the generator decides
                sent, thrown = None, error

    return wrapper
