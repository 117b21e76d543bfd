"""Hides the stack frame of the code around a plain function while the function's own code runs.

CPython leaves a frame out of `sys._getframe`, `f_back`, tracebacks and the stack levels of warnings as long as it is
before the first RESUME instruction of its code (`_co_firsttraceable`): its arguments are still being prepared. So the
RESUME at the start is moved behind the call of the own code, and put first into the handler of its exceptions, too:
tracers and profilers (`sys.settrace`, coverage, cProfile) get a `call` for each `return`.

The frame of a generator can't be hidden. But the stack levels of warnings pass over frames of the import system, which
they know by two words in the name of the file (`is_internal_filename`, CPython 3.3 and newer).
"""

import sys
from types import CodeType
from typing import Final

_RESUME_AND_NOP: Final = {(3, 11): (151, 9), (3, 12): (151, 9), (3, 13): (149, 30)}
_MARK: Final = "pass  # resume"
_NOT_THE_START: Final = 2  # as after `yield from`: no signal handler runs there, and nothing counts it as another call
_numbers: Final = _RESUME_AND_NOP.get(sys.version_info[:2]) if sys.implementation.name == "cpython" else None

HIDES: Final = _numbers is not None
"""Whether this Python hides the frame: on others it is visible."""


def passed_over(file: str) -> str:
    """The name of `file` for code of ours that runs in it, and that the stack levels of warnings don't count."""
    return f"{file} (obs_core, importlib._bootstrap)"


def hidden(code: CodeType, source: str) -> CodeType:
    """`code` with the instructions of the lines `pass  # resume` of its `source` as its first RESUME, if it has any.

    A line `pass` of its own is a NOP, which takes as much room.
    """
    lines = {number for number, line in enumerate(source.splitlines(), 1) if line.strip() == _MARK}
    if _numbers is None or not lines:
        return code
    resume, nop = _numbers
    units = bytearray(code.co_code)
    marked = [start for start, _, line in code.co_lines() if line in lines and units[start] == nop]
    if len(marked) != len(lines):
        raise AssertionError(f"{code.co_name}: {len(marked)} of {len(lines)} lines are one instruction")
    units[next(start for start in range(0, len(units), 2) if units[start] == resume)] = nop
    for start in marked:
        units[start : start + 2] = resume, _NOT_THE_START
    return code.replace(co_code=bytes(units))
