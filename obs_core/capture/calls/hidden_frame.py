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
from typing import Any, Final

_RESUME_AND_NOP: Final = {(3, 11): (151, 9), (3, 12): (151, 9), (3, 13): (149, 30)}
_PASSED_OVER: Final = " (obs_core, importlib._bootstrap)"
_MARK: Final = "pass  # resume"
_NOT_THE_START: Final = 2  # as after `yield from`: no signal handler runs there, and nothing counts it as another call
_numbers: Final = _RESUME_AND_NOP.get(sys.version_info[:2]) if sys.implementation.name == "cpython" else None

HIDES: Final = _numbers is not None
"""Whether this Python hides the frame: on others it is visible."""


class PassedOverFile(str):
    """The name of a file, for code of ours in it: the C code of warnings sees the two words, Python the true name."""

    __slots__ = ()

    def __str__(self) -> str:
        """The true name."""
        return self[: -len(_PASSED_OVER)]

    def __format__(self, spec: str) -> str:
        """The true name, formatted."""
        return format(str(self), spec)

    def __repr__(self) -> str:
        """The true name, quoted."""
        return repr(str(self))

    def __hash__(self) -> int:
        """That of the true name."""
        return hash(str(self))

    def __eq__(self, other: object) -> bool:
        """Whether the true name is `other`."""
        return str(self) == (str(other) if isinstance(other, PassedOverFile) else other)

    def __ne__(self, other: object) -> bool:
        """Whether the true name is not `other`."""
        return not self == other

    def __add__(self, other: str) -> str:
        """The true name, and `other`."""
        return str(self) + other

    def __radd__(self, other: str) -> str:
        """`other`, and the true name."""
        return other + str(self)

    def endswith(self, *arguments: Any) -> bool:  # noqa: ANN401 - those of str
        """Whether the true name ends with a text."""
        return str(self).endswith(*arguments)


def passed_over(file: str) -> str:
    """The name of `file` for code of ours that runs in it, and that the stack levels of warnings don't count."""
    return PassedOverFile(file + _PASSED_OVER)


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
