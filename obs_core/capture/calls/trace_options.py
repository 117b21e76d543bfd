"""How a function is traced: the options of `trace`, and what they cost only where they are asked for."""

import sys
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any, Final, NamedTuple

from obs_core.capture.calls.call import SiteHandle, emit_value, lost, point_of
from obs_core.capture.spool.frames import CallSite
from obs_core.capture.values.describe import describe
from obs_core.capture.values.limits import redacted, rules

_PAGE: Final = 4096
Bind = Callable[[tuple[Any, ...], Mapping[str, Any]], Mapping[str, Any]]


class TraceOptions(NamedTuple):
    """The options of one traced function."""

    args: Bind | None = None  # finds the arguments by name
    result: bool = True
    memory: bool = False
    sample: float = 1.0
    hidden: bool = False  # the result is secret by the function's name

    @property
    def is_usual(self) -> bool:
        """Whether the fast wrapper will do."""
        return self == _USUAL


_USUAL: Final = TraceOptions()


def binder(function: Callable[..., Any]) -> Bind | None:
    """What finds the arguments of a call of `function` by name; None if its signature can't be known."""
    import inspect  # noqa: PLC0415 - 5 ms, for those who capture arguments

    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return None

    def bound(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        found = signature.bind(*args, **kwargs)
        found.apply_defaults()
        return found.arguments

    return bound


def record_arguments(
    point: SiteHandle, short: str, how: TraceOptions, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    """Each argument of the running call as a value called `function.argument`; never raises."""
    try:
        arguments = how.args(args, kwargs) if how.args else {}
        moment = time_ns()
        for name, value in arguments.items():
            if name not in ("self", "cls"):
                site = CallSite("value", f"{short}.{name}", point.function, None, None)
                plain, more = redacted() if rules.redaction.hides(name) else describe(value)
                emit_value(point_of(site), moment, plain, more)
    except TypeError:  # arguments that don't fit: the call itself will say so
        return
    except Exception as error:  # noqa: BLE001 - the traced program must not notice
        lost(error)


def memory_in_use() -> tuple[bool, int] | None:
    """(whether tracemalloc measured it, bytes in use): resident size where tracemalloc does not run; None: unknown."""
    tracemalloc = sys.modules.get("tracemalloc")
    if tracemalloc is not None and tracemalloc.is_tracing():
        return True, int(tracemalloc.get_traced_memory()[0])
    try:
        with open("/proc/self/statm", "rb") as facts:  # noqa: PTH123 - 8 us; pathlib takes 12
            return False, int(facts.read().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return None


def memory_since(before: tuple[bool, int] | None) -> int | None:
    """How many bytes more are in use than `before`, measured in the same way; None where not measured."""
    now = memory_in_use()
    return now[1] - before[1] if before and now and before[0] == now[0] else None
