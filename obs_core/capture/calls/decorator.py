"""`trace`: records calls of functions, methods, coroutines and generators as rows."""

import functools
import os
import sys
import types
from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

from obs_core.capture.calls.call import SiteHandle
from obs_core.capture.calls.generators import wrap_async_generator, wrap_generator
from obs_core.capture.calls.trace_options import TraceOptions, binder
from obs_core.capture.calls.wrappers import wrap_coroutine, wrap_plain, wrap_with_options
from obs_core.capture.spool.frames import CallSite
from obs_core.capture.state import process
from obs_core.capture.values.limits import rules

F = TypeVar("F")
TRACED: Final = "__obs_traced__"
_GENERATOR: Final = 0x20  # inspect.CO_GENERATOR; inspect itself costs a traced program 5 ms
_COROUTINE: Final = 0x80
_ASYNC_GENERATOR: Final = 0x200
_WRAPPERS: Final = (
    (_COROUTINE, wrap_coroutine),
    (_ASYNC_GENERATOR, wrap_async_generator),
    (_GENERATOR, wrap_generator),
)


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
    """Record each call of `function`: start, duration, return value or exception, and parent call.

    On a class, its public methods are traced. `name` replaces the function's name in the column Data; `args` records
    the arguments as values named `function.argument`; `result=False` leaves the return value out; `memory` measures
    the change of memory in use; `sample` is the share of calls to record, each with its whole subtree.
    """

    def decorated(function: F) -> F:
        if process.options.disabled:
            return function
        return traced(function, name, TraceOptions(None, result, memory, sample), args=args)

    return decorated if function is None else decorated(function)


def traced(target: F, name: str | None, options: TraceOptions, *, args: bool) -> F:
    """`target` (a function, a class, a static or class method, a property), traced with `options`."""
    item: Any = target
    replacement: Any
    if isinstance(item, type):
        for own, member in list(vars(item).items()):
            if not own.startswith("_") and isinstance(member, types.FunctionType | staticmethod | classmethod):
                setattr(item, own, traced(member, None, options, args=args))
        return target
    if isinstance(item, staticmethod | classmethod):
        replacement = type(item)(traced(item.__func__, name, options, args=args))
        return replacement  # type: ignore[no-any-return]
    if isinstance(item, property):
        parts: list[Any] = [item.fget, item.fset, item.fdel]
        get, set_, delete = (part and traced(part, name, options, args=args) for part in parts)
        replacement = property(get, set_, delete, item.__doc__)
        return replacement  # type: ignore[no-any-return]
    if not callable(item) or getattr(item, TRACED, False):
        return target
    return _wrap(item, name, options, args=args)  # type: ignore[return-value]


def _wrap(function: Callable[..., Any], name: str | None, options: TraceOptions, *, args: bool) -> Callable[..., Any]:
    site = site_of(function, name)
    hidden = rules.redaction.hides_result_of(site.data)
    options = options._replace(hidden=hidden, args=binder(function) if args else None)
    handle = SiteHandle(site)
    code = getattr(function, "__code__", None)
    flags = code.co_flags if isinstance(code, types.CodeType) else 0
    wrap = next((wrap for flag, wrap in _WRAPPERS if flags & flag), None)
    if wrap is not None:
        wrapper = wrap(function, handle, site.data, options)
    elif options.is_default and handle.site_id:
        wrapper = wrap_plain(function, handle.site_id, handle.function)
    else:
        wrapper = wrap_with_options(function, handle, site.data, options)
    functools.update_wrapper(wrapper, function)
    setattr(wrapper, TRACED, True)
    return wrapper


def site_of(function: Callable[..., Any], name: str | None = None) -> CallSite:
    """The call site of `function`: its file and first line, and the name of its rows."""
    inner = function
    while hasattr(inner, "__wrapped__"):  # under a decorator: the recorded source is that of the function itself
        inner = inner.__wrapped__
    code = getattr(inner, "__code__", None)
    own = getattr(function, "__name__", type(function).__name__)
    full = f"{module_of(function)}.{getattr(function, '__qualname__', own)}"
    file, line = (code.co_filename, code.co_firstlineno) if isinstance(code, types.CodeType) else (None, None)
    return CallSite("call", name or own, full, file, line)


def module_of(function: Callable[..., Any]) -> str:
    """The module of `function`; for the main module its import name or the name of its file.

    Otherwise the functions of all main modules would share the name `__main__`.
    """
    name = str(getattr(function, "__module__", None) or "?")
    if name != "__main__":
        return name
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    return os.path.splitext(os.path.basename(file))[0] if file else name  # noqa: PTH119, PTH122 - pathlib costs 5 ms
