"""`span` and `record`: a named stretch of code, and named values at one moment."""

import sys
from collections.abc import Mapping
from time import time_ns
from types import TracebackType
from typing import Final, Self

from obs_core.capture.call import Call, emit, is_off
from obs_core.capture.context import current
from obs_core.capture.describe import packed, redacted, rules
from obs_core.capture.frames import Site, site_key
from obs_core.capture.writer import process
from obs_core.model import Kind

_keys: Final[dict[tuple[str, str, str | None], bytes]] = {}
_MOST_KEYS: Final = 10_000


class span:  # noqa: N801 - used like a function: with span("load"):
    """A stretch of code as a call of its own: `with span("load"):`, also `async with`."""

    __slots__ = ("_call", "_name")

    def __init__(self, name: str) -> None:
        """A stretch called `name`."""
        self._name = str(name)
        self._call: Call | None = None

    def __enter__(self) -> Self:
        """Start it."""
        if not is_off():
            running = current.get()
            function = (running and running[2]) or _module_of_caller()
            self._call = Call(_key("call", self._name, function), function)
            self._call.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it; an exception is recorded and goes on."""
        call, self._call = self._call, None
        if call is None:
            return
        call.leave()
        if error is None:
            call.ended()
        else:
            call.raised(error)

    async def __aenter__(self) -> Self:
        """Start it."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it."""
        self.__exit__(kind, error, traceback)


def record(name: str, value: object) -> None:
    """Record that the variable `name` has `value` now, below the running call."""
    record_many({name: value})


def record_many(values: Mapping[str, object]) -> None:
    """Record several variables at the same moment."""
    running = current.get()
    if process.options.disabled or (running is not None and not running[1]):
        return
    trace, parent, function = running or (None, None, None)
    moment = time_ns()
    for name, value in values.items():
        name = str(name)  # noqa: PLW2901 - whatever a caller passes as a name
        plain, more = redacted() if rules.redaction.hides(name) else packed(value)
        emit((_key("value", name, function), trace, None, parent, moment, None, plain, more))


def _key(kind: Kind, data: str, function: str | None) -> bytes:
    key = _keys.get((kind, data, function))
    if key is None:
        key = site_key(Site(kind, data, function, None, None))
        if len(_keys) < _MOST_KEYS:
            _keys[kind, data, function] = key
    return key


def _module_of_caller() -> str | None:
    name = sys._getframe(2).f_globals.get("__name__")  # noqa: SLF001 - the only way to know it
    return str(name) if name else None
