"""`instrument`: traces a whole package without changing its code, and `uninstrument`."""

import sys
import types
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple
from weakref import WeakSet

from obs_core.capture.calls.decorator import functions_in, trace_function, untrace_function
from obs_core.capture.calls.trace_options import TraceOptions
from obs_core.capture.calls.traced_function import traced_by
from obs_core.capture.state import process
from obs_core.capture.values.type_info import mro_of, namespace_of

_content_of: Final[Any] = vars(types.ModuleType)["__dict__"].__get__  # past a lazy module's own attributes
_qualified_name: Final = type.__dict__["__qualname__"].__get__
_instrumented: Final[WeakSet[types.FunctionType]] = WeakSet()


class Instrumented(NamedTuple):
    """The functions that are now traced, and the callables that are not: `name: reason`."""

    traced: tuple[str, ...]
    missed: tuple[str, ...]


def instrument(
    module: types.ModuleType | str,
    *,
    include: tuple[str, ...] = ("*",),
    exclude: tuple[str, ...] = (),
    args: bool = False,
    result: bool = True,
    memory: bool = False,
    sample: float = 1.0,
) -> Instrumented:
    """Trace the functions and methods of `module` and of its loaded submodules; the other options are those of `trace`.

    Each function stays the object that it is, so calls through tables, decorators and other modules are recorded, too.
    `include` and `exclude` are patterns (`*`, `?`) of full names such as `package.module.Class.method`.

    Raises:
        ImportError: there is no such module.
    """
    if process.options.disabled:
        return Instrumented((), ())
    options = TraceOptions(args, result, memory, sample)
    done: set[str] = set()
    missed: set[str] = set()
    others: list[tuple[str, Any]] = []
    for name, member, functions in list(_members(_imported(module))):
        if not functions and _matches(name, include) and not _matches(name, exclude):
            others.append((name, member))
        for function in functions:
            full = f"{function.__module__}.{function.__qualname__}"
            if not _matches(full, include) or _matches(full, exclude) or traced_by(function):
                continue
            if reason := trace_function(function, None, options):
                missed.add(f"{full}: {reason}")
            else:
                _instrumented.add(function)
                done.add(full)
    missed |= {f"{name}: {reason}" for name, member in others if (reason := _unknown(member))}
    return Instrumented(tuple(sorted(done)), tuple(sorted(missed)))


def uninstrument(module: types.ModuleType | str) -> tuple[str, ...]:
    """Undo `instrument` for the functions of `module` and of its submodules; return their names."""
    package = module if isinstance(module, str) else module.__name__
    undone = []
    for function in list(_instrumented):
        if function.__module__ == package or function.__module__.startswith(package + "."):
            untrace_function(function)
            _instrumented.discard(function)
            undone.append(f"{function.__module__}.{function.__qualname__}")
    return tuple(sorted(undone))


def _imported(module: types.ModuleType | str) -> str:
    """The name of the package, which is imported if it is not yet."""
    if isinstance(module, str):
        __import__("importlib").import_module(module)
        return module
    return module.__name__


def _matches(full: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(full, pattern) for pattern in patterns)


def _members(package: str) -> Iterator[tuple[str, Any, list[types.FunctionType]]]:
    """(full name, member, its functions) of all that the package itself defines; no code of the package runs."""
    for name, module in list(sys.modules.items()):
        if issubclass(type(module), types.ModuleType) and (name == package or name.startswith(package + ".")):
            yield from _members_of(_content_of(module), name, name, "")


def _members_of(
    content: Any,  # noqa: ANN401 - a dict or a mappingproxy
    full: str,
    module: str,
    outer: str,
) -> Iterator[tuple[str, Any, list[types.FunctionType]]]:
    for name, member in list(content.items()):
        if issubclass(type(member), type):
            own = namespace_of(member)
            qualified = _qualified_name(member)
            if own.get("__module__") == module and qualified == f"{outer}{name}":
                yield from _members_of(own, f"{full}.{name}", module, f"{qualified}.")
            continue
        functions = functions_in(member)
        decorated = [inner for function in functions for inner in _decorated(function, module)]
        if not functions or any(function.__module__ == module for function in functions):
            yield f"{full}.{name}", member, functions + decorated
        elif decorated:
            yield f"{full}.{name}", member, decorated


def _decorated(function: types.FunctionType, module: str) -> list[types.FunctionType]:
    """The functions of `module` that decorators put `function` in front of, and that it does not name in `__wrapped__`.

    With `functools.wraps`, the rows of `function` have the name and source of the decorated one.
    """
    seen, named = [function], []
    for outer in seen:
        named.append(outer.__dict__.get("__wrapped__"))
        if "<locals>" in outer.__qualname__ or named[-1] is not None:
            for cell in outer.__closure__ or ():
                with suppress(ValueError):  # not set yet
                    inner = cell.cell_contents
                    if type(inner) is types.FunctionType and inner not in seen:
                        seen.append(inner)
    inside = (inner for inner in seen[1:] if inner not in named and "<locals>" not in inner.__qualname__)
    return [inner for inner in inside if inner.__module__ == module]


def _unknown(member: Any) -> str | None:  # noqa: ANN401 - any object
    """Why calls of `member` are not recorded; None if it can't be called, or its code is not the package's."""
    kind = type(member)
    call = next((own["__call__"] for base in mro_of(kind) if "__call__" in (own := namespace_of(base))), None)
    home = namespace_of(kind).get("__module__")
    if type(call) is not types.FunctionType or traced_by(call) or type(home) is not str:
        return None
    if home.partition(".")[0] in sys.stdlib_module_names:
        return None
    return f"an object of type {kind.__name__}"
