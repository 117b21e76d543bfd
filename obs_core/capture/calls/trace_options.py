"""The options of `trace`, and the code that only functions with these options run."""

import sys
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any, Final, NamedTuple

from obs_core.capture.calls.call import SiteHandle, emit_value, handle_of
from obs_core.capture.lost_rows import report_lost_row
from obs_core.capture.spool.frames import CallSite
from obs_core.capture.values.describe import describe
from obs_core.capture.values.limits import redacted, rules
from obs_core.system import open_file

_PAGE: Final = 4096
Bind = Callable[[tuple[Any, ...], Mapping[str, Any]], Mapping[str, Any]]


class TraceOptions(NamedTuple):
    """The options of one traced function."""

    args: Bind | None = None  # maps the arguments of a call to their names
    result: bool = True
    memory: bool = False
    sample: float = 1.0
    hidden: bool = False  # the function's name says that its result is secret

    @property
    def is_default(self) -> bool:
        """Whether the fast wrapper of `wrap_plain` is enough."""
        return self == _DEFAULT


_DEFAULT: Final = TraceOptions()


def binder(function: Callable[..., Any]) -> Bind | None:
    """A function that maps the arguments of a call of `function` to their names; None without a known signature."""
    import inspect  # noqa: PLC0415 - 5 ms, only for functions that record arguments

    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return None

    def bind(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    return bind


def record_arguments(
    handle: SiteHandle, call_name: str, options: TraceOptions, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    """Record each argument of the running call as a value named `function.argument`; never raises."""
    try:
        arguments = options.args(args, kwargs) if options.args else {}
        timestamp_ns = time_ns()
        for name, value in arguments.items():
            if name not in ("self", "cls"):
                site = CallSite("value", f"{call_name}.{name}", handle.function, None, None)
                plain, details = redacted() if rules.redaction.hides(name) else describe(value)
                emit_value(handle_of(site), timestamp_ns, plain, details)
    except TypeError:  # arguments that don't fit the signature: the call itself raises this
        return
    except Exception as error:  # noqa: BLE001 - the traced program must not notice
        report_lost_row(error)


def memory_in_use() -> tuple[bool, int] | None:
    """(whether tracemalloc measured it, bytes in use): the resident size unless tracemalloc runs; None if unknown."""
    tracemalloc = sys.modules.get("tracemalloc")
    if tracemalloc is not None and tracemalloc.is_tracing():
        return True, int(tracemalloc.get_traced_memory()[0])
    try:
        with open_file("/proc/self/statm", "rb") as statm:
            return False, int(statm.read().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return None


def memory_since(before: tuple[bool, int] | None) -> int | None:
    """The change in bytes since `before`, measured in the same way; None if not measured."""
    now = memory_in_use()
    return now[1] - before[1] if before and now and before[0] == now[0] else None
