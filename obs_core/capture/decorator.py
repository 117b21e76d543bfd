"""`trace`: calls of functions become rows.

The wrapper of a plain function is written out in one piece: each helper it called would add 60-100 ns to every traced
call. Whatever goes wrong on our side is swallowed; the function's result and exceptions pass untouched, and our own
frame is taken out of their tracebacks.
"""

import functools
import os
import sys
import types
from collections.abc import Callable
from marshal import dumps
from time import perf_counter_ns, time_ns
from typing import Any, Final, TypeVar, overload
from zlib import adler32

from obs_core.capture.call import Call, Point, described_failure, is_off, lost
from obs_core.capture.context import UNSAMPLED, bits, current
from obs_core.capture.describe import packed, rules
from obs_core.capture.frames import DESCRIBED, HEAD, MARSHAL_VERSION, Site, frame
from obs_core.capture.writer import outlet, process

F = TypeVar("F", bound=Callable[..., Any])
pack: Final = HEAD.pack
_GENERATOR: Final = 0x20  # inspect.CO_GENERATOR; inspect itself costs a traced program 5 ms
_COROUTINE: Final = 0x80
_ASYNC_GENERATOR: Final = 0x200


@overload
def trace(function: F, /) -> F: ...
@overload
def trace(*, name: str | None = None) -> Callable[[F], F]: ...
def trace(function: F | None = None, /, *, name: str | None = None) -> F | Callable[[F], F]:
    """Record each call of `function`: when, how long, what it returned or raised, and below which call.

    `name` stands in the column Data instead of the function's own.
    """

    def decorated(function: F) -> F:
        if process.options.disabled:
            return function
        return _traced(function, name)

    return decorated if function is None else decorated(function)


def site_of(function: Callable[..., Any], name: str | None = None) -> Site:
    """Where `function` stands, and what its rows are called."""
    code = getattr(function, "__code__", None)
    own = getattr(function, "__name__", type(function).__name__)
    full = f"{_module(function)}.{getattr(function, '__qualname__', own)}"
    file, line = (code.co_filename, code.co_firstlineno) if isinstance(code, types.CodeType) else (None, None)
    return Site("call", name or own, full, file, line)


def _module(function: Callable[..., Any]) -> str:
    """The module that `function` stands in; of a program's main module the name it is imported by, or its file's."""
    name = getattr(function, "__module__", None) or "?"
    if name != "__main__":
        return str(name)
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    return os.path.splitext(os.path.basename(file))[0] if file else name  # noqa: PTH119, PTH122 - pathlib costs 5 ms


def _traced(function: F, name: str | None) -> F:
    site = site_of(function, name)
    code = getattr(function, "__code__", None)
    flags = code.co_flags if isinstance(code, types.CodeType) else 0
    hidden = rules.redaction.hides_result_of(site.data)
    point = Point(site)
    if flags & _COROUTINE:
        wrapper = _coroutine(function, point, hidden=hidden)
    elif hidden or not point.number:
        wrapper = _any(function, point, hidden=hidden)
    else:
        wrapper = _plain(function, point.number, point.function)
    return functools.update_wrapper(wrapper, function)  # type: ignore[return-value]


def _plain(function: Callable[..., Any], site: int, full: str | None) -> Callable[..., Any]:
    described = site | DESCRIBED

    def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function
        parent = current.get()
        began = time_ns()
        if parent is None:
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
                plain, more = packed(result)
                value = dumps(plain, 2) if more is None else dumps((plain, more), 2)
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
    """The row of a call that raised; takes our frame out of the error's traceback."""
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
    try:
        data = frame(place, dumps((None, described_failure(error)), MARSHAL_VERSION))
        try:
            outlet.write(data)
        except ValueError:
            outlet.put(data)
    except Exception as second:  # noqa: BLE001 - the traced program must not notice
        lost(second)


def _any(function: Callable[..., Any], point: Point, *, hidden: bool) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function
        if is_off():
            return function(*args, **kwargs)
        call = Call(point)
        call.enter()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            call.leave()
            without_own_frame(error)
            call.raised(error)
            raise
        call.leave()
        call.returned(result, hidden=hidden)
        return result

    return wrapper


def _coroutine(function: Callable[..., Any], point: Point, *, hidden: bool) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function
        if is_off():
            return await function(*args, **kwargs)
        call = Call(point)
        call.enter()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            call.leave()
            without_own_frame(error)
            call.raised(error)
            raise
        call.leave()
        call.returned(result, hidden=hidden)
        return result

    return wrapper


def without_own_frame(error: BaseException) -> None:
    """Take the innermost of our frames, the first of the traceback, out of it; a bare `raise` does not add it again."""
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
