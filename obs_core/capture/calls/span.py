"""`span` and `record`: a named block of code, and named values at one time."""

from collections.abc import Mapping
from time import time_ns
from types import TracebackType
from typing import Self

from obs_core.capture.calls.call import Call, emit_value, handle_of
from obs_core.capture.context import current
from obs_core.capture.lost_rows import report_lost_row
from obs_core.capture.reentry import is_off
from obs_core.capture.spool.frames import CallSite
from obs_core.capture.values.describe import describe
from obs_core.capture.values.limits import redacted, rules


class span:  # noqa: N801 - used like a function: with span("load"):
    """Record a block of code as a call of its own: `with span("load"):`, also `async with`."""

    __slots__ = ("_call", "_name")

    def __init__(self, name: str) -> None:
        """A span named `name`."""
        self._name = str(name)
        self._call: Call | None = None

    def __enter__(self) -> Self:
        """Start it."""
        try:
            if not is_off():
                running = current.get()
                # values recorded inside belong to the enclosing function, not to the span
                self._call = Call(handle_of(CallSite("call", self._name, None, None, None)), running and running[3])
                self._call.enter()
        except BaseException as error:  # noqa: BLE001 - the traced program must not notice
            if self._call is not None:
                self._call.leave()
            report_lost_row(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it; an exception is recorded and propagates."""
        call, self._call = self._call, None
        if call is None:
            return
        try:
            call.leave()
            if error is None:
                call.ended()
            else:
                call.raised(error)
        except BaseException:  # of a signal handler
            call.leave()
            raise

    async def __aenter__(self) -> Self:
        """Start it."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it."""
        self.__exit__(kind, error, traceback)


def record(name: str, value: object) -> None:
    """Record that the variable `name` has `value` now, as a child of the running call."""
    record_many({name: value})


def record_many(values: Mapping[str, object]) -> None:
    """Record several variables with the same timestamp."""
    if is_off():
        return
    running = current.get()
    function = running[3] if running else None
    timestamp_ns = time_ns()
    for name, value in values.items():
        name = str(name)  # noqa: PLW2901 - a caller may pass anything as a name
        try:
            plain, details = redacted() if rules.redaction.hides(name) else describe(value)
            emit_value(handle_of(CallSite("value", name, function, None, None)), timestamp_ns, plain, details)
        except BaseException as error:  # noqa: BLE001 - the traced program must not notice
            report_lost_row(error)
