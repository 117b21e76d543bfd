"""`instrument`: traces a whole package without changing its code."""

import gc
import sys
import types
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from obs_core.capture.calls.decorator import TRACED, traced
from obs_core.capture.calls.trace_options import TraceOptions
from obs_core.capture.state import process

_MEMBERS: Final = (types.FunctionType, staticmethod, classmethod, property)


class Instrumented(NamedTuple):
    """The functions that are now traced, and those that are still called untraced from somewhere.

    `missed` functions are also referenced by a decorator, a table or a bound method that took the function before it
    was traced: calls through that reference are not recorded.
    """

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

    `include` and `exclude` are patterns (`*`, `?`) of full names such as `package.module.Class.method`.
    """
    if process.options.disabled:
        return Instrumented((), ())
    top = __import__("importlib").import_module(module) if isinstance(module, str) else module
    options = TraceOptions(None, result, memory, sample)
    replaced: dict[int, tuple[str, Any, Any]] = {}
    for owner, name, member in _members(top.__name__):
        full = _full_name(member)
        if not any(fnmatchcase(full, pattern) for pattern in include):
            continue
        if any(fnmatchcase(full, pattern) for pattern in exclude):
            continue
        if id(member) not in replaced:
            replaced[id(member)] = (full, member, traced(member, None, options, args=args))
        setattr(owner, name, replaced[id(member)][2])
    _replace_aliases(replaced)
    names = sorted({full for full, _, _ in replaced.values()})
    return Instrumented(tuple(names), tuple(_still_held(replaced)))


def _members(package: str) -> Iterator[tuple[Any, str, Any]]:
    """(owner, name, function or method) of everything that the package itself defines."""
    for name, module in list(sys.modules.items()):
        if module is not None and (name == package or name.startswith(package + ".")):
            yield from _members_of(module, name)


def _members_of(owner: Any, module: str) -> Iterator[tuple[Any, str, Any]]:  # noqa: ANN401 - a module or a class
    for name, member in list(vars(owner).items()):
        if isinstance(member, type):
            own = isinstance(owner, types.ModuleType) or member.__qualname__.startswith(owner.__qualname__ + ".")
            if member.__module__ == module and own and member.__name__ == name:
                yield from _members_of(member, module)
        elif (
            isinstance(member, _MEMBERS) and _module(member) == module and not getattr(_function(member), TRACED, False)
        ):
            yield owner, name, member


def _function(member: Any) -> Any:  # noqa: ANN401 - any member of a class
    return member.fget if isinstance(member, property) else getattr(member, "__func__", member)


def _module(member: Any) -> str | None:  # noqa: ANN401 - as above
    return getattr(_function(member), "__module__", None)


def _full_name(member: Any) -> str:  # noqa: ANN401 - as above
    function = _function(member)
    return f"{function.__module__}.{function.__qualname__}"


def _replace_aliases(replaced: dict[int, tuple[str, Any, Any]]) -> None:
    """Replace the functions in modules that imported them by `from package import function`."""
    for module in list(sys.modules.values()):
        for name, member in list(getattr(module, "__dict__", {}).items()):
            if id(member) in replaced and replaced[id(member)][1] is member:
                setattr(module, name, replaced[id(member)][2])


def _still_held(replaced: dict[int, tuple[str, Any, Any]]) -> list[str]:
    """The names of the functions that something other than our wrappers still references untraced."""
    originals = {id(_function(member)): full for full, member, _ in replaced.values()}
    ours = {id(replaced), id(originals)}
    for entry in replaced.values():
        wrapper = _function(entry[2])
        ours |= {id(entry), id(entry[1]), id(vars(wrapper)), *(id(cell) for cell in wrapper.__closure__ or ())}
    functions = [_function(member) for _, member, _ in replaced.values()]
    ours.add(id(functions))
    held: set[str] = set()
    for holder in gc.get_referrers(*functions):
        if id(holder) not in ours and not isinstance(holder, types.FrameType):
            held |= {originals[id(original)] for original in gc.get_referents(holder) if id(original) in originals}
    return sorted(held)
