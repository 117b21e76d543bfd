"""`trace`: calls of functions, methods, coroutines and generators become rows."""

import functools
import types
from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

from obs_core.capture.calls.call import SiteHandle
from obs_core.capture.calls.generators import async_generator, generator
from obs_core.capture.calls.naming import module_of
from obs_core.capture.calls.trace_options import TraceOptions, binder
from obs_core.capture.calls.wrappers import coroutine, plain, with_options
from obs_core.capture.spool.frames import CallSite
from obs_core.capture.values.limits import rules
from obs_core.capture.writer import process

F = TypeVar("F")
TRACED: Final = "__obs_traced__"
_GENERATOR: Final = 0x20  # inspect.CO_GENERATOR; inspect itself costs a traced program 5 ms
_COROUTINE: Final = 0x80
_ASYNC_GENERATOR: Final = 0x200
_KINDS: Final = ((_COROUTINE, coroutine), (_ASYNC_GENERATOR, async_generator), (_GENERATOR, generator))


@overload
def trace(function: F, /) -> F: ...
@overload
def trace(
    *, name: str | None = None, args: bool = False, result: bool = True, memory: bool = False, sample: float = 1.0
) -> Callable[[F], F]: ...
def trace(
    function: F | None = None,
    /,
    *,
    name: str | None = None,
    args: bool = False,
    result: bool = True,
    memory: bool = False,
    sample: float = 1.0,
) -> F | Callable[[F], F]:
    """Record each call of `function`: when, how long, what it returned or raised, and below which call.

    On a class, its public methods are traced. `name` stands in the column Data instead of the function's own; `args`
    records the arguments as values called `function.argument`; `result=False` leaves the returned value out; `memory`
    measures the change of memory in use; of the calls a share `sample` is recorded, each with all that is below it.
    """

    def decorated(function: F) -> F:
        if process.options.disabled:
            return function
        return traced(function, name, TraceOptions(None, result, memory, sample), args=args)

    return decorated if function is None else decorated(function)


def traced(target: F, name: str | None, how: TraceOptions, *, args: bool) -> F:
    """`target` (a function, a class, a static or class method, a property), traced as `how` says."""
    found: Any = target
    again: Any
    if isinstance(found, type):
        for own, member in list(vars(found).items()):
            if not own.startswith("_") and isinstance(member, types.FunctionType | staticmethod | classmethod):
                setattr(found, own, traced(member, None, how, args=args))
        return target
    if isinstance(found, staticmethod | classmethod):
        again = type(found)(traced(found.__func__, name, how, args=args))
        return again  # type: ignore[no-any-return]
    if isinstance(found, property):
        parts: list[Any] = [found.fget, found.fset, found.fdel]
        get, set_, delete = (part and traced(part, name, how, args=args) for part in parts)
        again = property(get, set_, delete, found.__doc__)
        return again  # type: ignore[no-any-return]
    if not callable(found) or getattr(found, TRACED, False):
        return target
    return _wrapped(found, name, how, args=args)  # type: ignore[return-value]


def _wrapped(function: Callable[..., Any], name: str | None, how: TraceOptions, *, args: bool) -> Callable[..., Any]:
    site = site_of(function, name)
    hidden = rules.redaction.hides_result_of(site.data)
    how = how._replace(hidden=hidden, args=binder(function) if args else None)
    point = SiteHandle(site)
    code = getattr(function, "__code__", None)
    flags = code.co_flags if isinstance(code, types.CodeType) else 0
    wrap = next((wrap for flag, wrap in _KINDS if flags & flag), None)
    if wrap is not None:
        wrapper = wrap(function, point, site.data, how)
    elif how.is_usual and point.number:
        wrapper = plain(function, point.number, point.function)
    else:
        wrapper = with_options(function, point, site.data, how)
    functools.update_wrapper(wrapper, function)
    setattr(wrapper, TRACED, True)
    return wrapper


def site_of(function: Callable[..., Any], name: str | None = None) -> CallSite:
    """Where `function` stands, and what its rows are called."""
    inner = function
    while hasattr(inner, "__wrapped__"):  # a decorator stands around it: the source is the function's own
        inner = inner.__wrapped__
    code = getattr(inner, "__code__", None)
    own = getattr(function, "__name__", type(function).__name__)
    full = f"{module_of(function)}.{getattr(function, '__qualname__', own)}"
    file, line = (code.co_filename, code.co_firstlineno) if isinstance(code, types.CodeType) else (None, None)
    return CallSite("call", name or own, full, file, line)
