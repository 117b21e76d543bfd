"""An open call of a traced function that is not recorded by the fast path: with options, a generator, a coroutine.

A context variable set inside a generator leaks to the code that steps it (PEP 568 was never accepted), and the steps
of a generator or coroutine may run in different contexts. So the call is entered for each step, and left at each yield.
"""

import sys
from collections.abc import Generator
from types import coroutine
from typing import Any

from obs_core.capture.calls.arguments import argument_attributes, record_arguments
from obs_core.capture.calls.call import Call, SiteHandle, without_frame
from obs_core.capture.calls.hidden_frame import passed_over
from obs_core.capture.calls.trace_options import TraceOptions, memory_in_use, memory_since
from obs_core.capture.context import UNSAMPLED, current
from obs_core.capture.lost_rows import report
from obs_core.capture.state import process


class OpenCall(Call):
    """One running call: records its arguments, memory and end. Its methods raise nothing of ours."""

    __slots__ = ("_arguments", "_before", "_options")

    def __init__(
        self,
        handle: SiteHandle,
        options: TraceOptions,
        arguments: dict[str, Any],
        remote: tuple[int, int, int, str | None] | None,
        *,
        is_left_out: bool,
    ) -> None:
        """Start the call and record its arguments; with `is_left_out`, nothing of it and below it is recorded."""
        super().__init__(handle, remote=remote, takes_baggage=not is_left_out)
        self._options = options
        self._arguments = arguments
        self._before = None
        if is_left_out:
            self.running = UNSAMPLED
            return
        if options.args:
            try:
                self.enter()
                record_arguments(handle, arguments)
            finally:
                self.leave()
        self._before = memory_in_use() if options.memory else None

    def ended(self, value: object = None) -> None:
        """Leave the call, and record its end and the value that a generator returned, if it is not None."""
        try:
            self._leave()
            if value is None or not self._options.result:
                super().ended()
            else:
                super().returned(value, hidden=self._options.hidden)
        except RecursionError:  # as below
            if self.token is not None:
                current.reset(self.token)
            process.homeless += 1

    def returned(self, value: object, *, hidden: bool = False) -> None:
        """Leave the call and record its return value."""
        try:
            self._leave()
            if self._options.result:
                super().returned(value, hidden=hidden or self._options.hidden)
            else:
                super().ended()
        except RecursionError:  # as below
            if self.token is not None:
                current.reset(self.token)
            process.homeless += 1

    def raised(self, error: BaseException, *, is_hidden: bool = False) -> None:
        """Leave the call and record that it raised `error`, with its arguments; a closed generator ends.

        `is_hidden`: the traceback has no frame of ours.
        """
        try:
            self._leave()
            if not is_hidden:
                without_frame(error)
            if type(error) is GeneratorExit:
                super().ended()
                return
            if not self._options.args and self.running is not UNSAMPLED:
                self._keep_arguments()
            super().raised(error)
        except RecursionError:  # no room for our calls: the program gets its own error
            if self.token is not None:
                current.reset(self.token)
            process.homeless += 1

    def _keep_arguments(self) -> None:
        try:
            self.details |= argument_attributes(self._arguments)
        except Exception as second:  # noqa: BLE001 - the traced program must not notice
            report(second)

    def _leave(self) -> None:
        self.leave()
        if self._before and (delta := memory_since(self._before)) is not None:
            self.details["memory"] = delta


@coroutine
def steps(call: OpenCall | None, inner: Any) -> Generator[Any, Any, Any]:  # noqa: ANN401 - any coroutine
    """Run the coroutine `inner` to its end; `call` is the running call during its steps, not between them."""
    if call is None:
        return (yield from inner)
    try:
        value = yield from _stepped(call, inner)
    except BaseException as error:
        call.raised(error)
        raise
    call.returned(value)
    return value


@coroutine
def step(call: OpenCall | None, inner: Any) -> Generator[Any, Any, Any]:  # noqa: ANN401 - an awaitable
    """Run one step of an async generator, which may wait; `call` is the running call while it does not."""
    if call is None:
        return (yield from inner.__await__())
    try:
        return (yield from _stepped(call, inner.__await__()))
    except BaseException as error:
        without_frame(error)
        raise


def first_step(inner: Any) -> Any:  # noqa: ANN401 - an async generator and its awaitable
    """The first step of the async generator `inner`, which the hooks of the event loop do not notice."""
    hooks = sys.get_asyncgen_hooks()
    if hooks == (None, None):
        return inner.asend(None)
    sys.set_asyncgen_hooks(None, None)
    try:
        return inner.asend(None)
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _stepped(call: OpenCall, inner: Any) -> Generator[Any, Any, Any]:  # noqa: ANN401 - any iterator of an awaitable
    """Drive `inner` as `yield from` does (PEP 380), and make `call` the running call during each step."""
    sent: Any = None
    thrown: BaseException | None = None
    while True:
        try:
            call.enter()
            item = inner.send(sent) if thrown is None else inner.throw(thrown)
        except StopIteration as stop:
            return stop.value
        except BaseException as error:
            without_frame(error)
            raise
        finally:
            call.leave()
            sent = thrown = None  # the traceback of `thrown` refers to this frame
        try:
            sent = yield item
        except BaseException as error:  # noqa: BLE001 - thrown in by the caller: the coroutine handles it
            thrown = without_frame(error)
        finally:
            item = None


for _function in (steps, step, _stepped):
    _function.__code__ = _function.__code__.replace(co_filename=passed_over(_function.__code__.co_filename))
