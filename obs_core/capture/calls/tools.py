"""What the code around every traced function works with: functions and types, past the program's own names."""

from functools import partial
from marshal import dumps
from time import perf_counter_ns, time_ns
from typing import Any, Final
from zlib import adler32

from obs_core.capture.calls.call import without_frame
from obs_core.capture.calls.open_call import first_step, step, steps
from obs_core.capture.context import current, random_bits, restore
from obs_core.capture.spool.frames import HEAD
from obs_core.capture.state import process, sink

_TOOLS: Final[dict[str, Any]] = {
    "get": current.get,
    "set": current.set,
    "reset": current.reset,
    "bits": random_bits,
    "time_ns": time_ns,
    "perf_counter_ns": perf_counter_ns,
    "process": process,
    "sink": sink,
    "dumps": dumps,
    "pack": HEAD.pack,
    "adler32": adler32,
    "type": type,
    "restore": restore,
    "len": len,
    "BaseException": BaseException,
    "Exception": Exception,
    "StopIteration": StopIteration,
    "StopAsyncIteration": StopAsyncIteration,
    "RuntimeError": RuntimeError,
    "ValueError": ValueError,
    "without_frame": without_frame,
    "steps": steps,
    "step": step,
    "partial": partial,
    "first_step": first_step,
}


class Tools:
    """One object for all functions, so that what each call needs stays in the cache of the processor."""

    __slots__ = tuple(_TOOLS)

    def __init__(self) -> None:
        """Take all tools."""
        for name, tool in _TOOLS.items():
            setattr(self, name, tool)


TOOLS: Final = Tools()
