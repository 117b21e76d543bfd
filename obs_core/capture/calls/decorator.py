"""`trace`: records calls of functions, methods, coroutines and generators as rows."""

import functools
import types
from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

from obs_core.capture.calls.outer_code import outer_code, own_code
from obs_core.capture.calls.sites import site_of
from obs_core.capture.calls.trace_options import TraceOptions
from obs_core.capture.calls.traced_function import TracedFunction, traced_by
from obs_core.capture.signals import pass_on
from obs_core.capture.state import process
from obs_core.capture.values.limits import rules
from obs_core.capture.writer import prepared

F = TypeVar("F")
_CACHE: Final = type(functools.lru_cache(len))
_BUILT_IN: Final = (types.BuiltinFunctionType, types.MethodWrapperType, types.MethodDescriptorType)
_PARTS: Final[tuple[Any, ...]] = tuple(property.__dict__[name].__get__ for name in ("fget", "fset", "fdel"))


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

    The function stays the object that it is. On a class, its public methods are traced. `name` replaces the function's
    name in the column Data; `args` records the arguments as values named `function.argument`; `result=False` leaves the
    return value out; `memory` measures the change of memory in use; `sample` is the share of calls to record, each with
    its whole subtree.
    """

    def decorated(function: F) -> F:
        if process.options.disabled:
            return function
        return traced(function, name, TraceOptions(args, result, memory, sample))

    return decorated if function is None else decorated(function)


def traced(target: F, name: str | None, options: TraceOptions) -> F:
    """`target` (a function, a class, a static or class method, a property …), traced with `options`.

    A partial, a bound method and a function written in C are replaced by an object of the same type or a function; all
    others are traced in place. What is nothing of this is left alone, and the status of the writer says so.
    """
    item: Any = target
    kind = type(item)
    if issubclass(kind, type):
        for own, member in list(vars(item).items()):
            if own[:1] != "_":
                for function in functions_in(member):
                    trace_function(function, None, options)
        return target
    if functions := functions_in(item):
        for function in functions:
            trace_function(function, name, options)
        return target
    if (copy := _traced_copy(item, name, options)) is not None:
        return copy  # type: ignore[no-any-return]
    process.refuse(f"@trace on an object of type {kind.__name__} records nothing: put it on the function below")
    return target


def functions_in(member: Any) -> list[types.FunctionType]:  # noqa: ANN401, PLR0911 - any member of a class or module
    """The functions that run when `member` is called or read; empty if it is not of a kind that we know."""
    kind = type(member)
    if kind is types.FunctionType:
        return [member]
    if issubclass(kind, staticmethod | classmethod):
        return functions_in(member.__func__)
    if issubclass(kind, property):
        return [function for part in _PARTS for function in functions_in(part(member))]
    if kind is _CACHE:
        return functions_in(member.__wrapped__)
    if issubclass(kind, functools.cached_property | functools.partialmethod):
        return functions_in(member.func)
    if kind is functools.singledispatchmethod:
        return [function for part in member.dispatcher.registry.values() for function in functions_in(part)]
    return []


def trace_function(function: types.FunctionType, name: str | None, options: TraceOptions) -> str | None:
    """Trace `function` in place; the reason if that can't be done, None if it is traced."""
    if traced_by(function) is not None:
        return None
    try:
        prepared()
        site = site_of(function, name)
        options = options._replace(hidden=rules.redaction.hides_result_of(site.data))
        work = TracedFunction(site, options)
        code = outer_code(function.__code__, work, fast=options.is_fast and work.site_id > 0)
        if code is None:
            return "its code can't be replaced"
        function.__code__ = code
    except Exception as error:  # noqa: BLE001 - the traced program must not notice
        pass_on(error)
        return f"{type(error).__name__}: {error}"
    return None


def untrace_function(function: types.FunctionType) -> None:
    """Give `function` its own code back."""
    if traced_by(function) is not None:
        function.__code__ = own_code(function.__code__)


def _traced_copy(item: Any, name: str | None, options: TraceOptions) -> Any:  # noqa: ANN401 - any callable
    """A traced object that does the same as `item`, a partial, a bound method or a function written in C; or None."""
    kind = type(item)
    if kind is types.FunctionType:
        copy = types.FunctionType(item.__code__, item.__globals__, item.__name__, item.__defaults__, item.__closure__)
        copy.__kwdefaults__ = item.__kwdefaults__
        copy.__qualname__, copy.__module__, copy.__doc__ = item.__qualname__, item.__module__, item.__doc__
        copy.__dict__.update(item.__dict__)
        trace_function(copy, name, options)
        return copy
    if kind is functools.partial:
        function = _traced_copy(item.func, name, options)
        return None if function is None else functools.partial(function, *item.args, **item.keywords)
    if kind is types.MethodType:
        function = _traced_copy(item.__func__, name, options)
        return None if function is None else types.MethodType(function, item.__self__)
    if kind in _BUILT_IN:

        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function
            return item(*args, **kwargs)

        functools.update_wrapper(call, item)
        trace_function(call, name, options)  # type: ignore[arg-type]
        return call
    return None
