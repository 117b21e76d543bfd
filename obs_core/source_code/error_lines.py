"""Where exceptions were raised: the lines of a function in the stack traces of its failed calls."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

_FRAME: Final = re.compile(r'^\s*File "([^"]+)", line (\d{1,7}), in ', re.MULTILINE)


def raised_lines(
    stacks: Iterable[tuple[str | None, str | None]], file: str | None, first: int, last: int
) -> Mapping[int, str]:
    """Return notes on the lines `first` to `last` of `file`: which exceptions each raised, and how often.

    `stacks` are pairs of exception (`Type: message`) and stack trace in the format of Python's traceback module. The
    innermost frame in the function's file and lines counts: that is where the function itself raised.
    """
    counts: dict[int, Counter[str]] = {}
    for exception, stack in stacks:
        lines = [int(line) for name, line in _FRAME.findall(stack or "") if name == file and first <= int(line) <= last]
        if lines:
            counts.setdefault(lines[-1], Counter())[kind_of(exception)] += 1
    return {
        line: ", ".join(f"{kind}, {number:,} times" if number > 1 else kind for kind, number in kinds.most_common(3))
        for line, kinds in counts.items()
    }


def kind_of(exception: str | None) -> str:
    """Return the type of an exception in the form `Type: message`."""
    return (exception or "").partition(":")[0].strip()[:80] or "error"
