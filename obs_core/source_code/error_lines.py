"""Where exceptions were raised: the lines of a function that stand in the stacks of the calls that failed."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

_FRAME: Final = re.compile(r'^\s*File "([^"]+)", line (\d{1,7}), in ', re.MULTILINE)


def raised_lines(
    stacks: Iterable[tuple[str | None, str | None]], file: str | None, first: int, last: int
) -> Mapping[int, str]:
    """Remarks at the lines `first` to `last` of `file`: which exceptions went through each, and how often.

    `stacks` are pairs of exception (`Type: message`) and stack, as Python's traceback module writes it. Of the frames
    in the function's file and lines the innermost counts: that is where the function itself stopped.
    """
    counts: dict[int, Counter[str]] = {}
    for exception, stack in stacks:
        lines = [int(line) for name, line in _FRAME.findall(stack or "") if name == file and first <= int(line) <= last]
        if lines:
            counts.setdefault(lines[-1], Counter())[kind_of(exception)] += 1
    return {
        line: ", ".join(f"{kind}, {number:,} times" if number > 1 else kind for kind, number in found.most_common(3))
        for line, found in counts.items()
    }


def kind_of(exception: str | None) -> str:
    """The type of an exception written as `Type: message`."""
    return (exception or "").partition(":")[0].strip()[:80] or "error"
