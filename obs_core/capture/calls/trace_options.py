"""The options of `trace`, and the measurement of memory in use."""

import sys
from typing import Final, NamedTuple

from obs_core.system import open_file

_PAGE: Final = 4096


class TraceOptions(NamedTuple):
    """The options of one traced function."""

    args: bool = False
    result: bool = True
    memory: bool = False
    sample: float = 1.0
    hidden: bool = False  # the function's name says that its result is secret

    @property
    def is_fast(self) -> bool:
        """Whether the fast path is enough: each call is recorded, without arguments and memory."""
        return not self.args and not self.memory and self.sample >= 1


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
