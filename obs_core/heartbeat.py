"""The heartbeat of a child process: whatever makes progress in it calls `beat`, and its parent reads that in a pipe.

A beat is one line on standard output. It comes from the work itself and not from a thread of its own, so a process that
is stopped, blocked or in an endless loop is silent. It never waits: if the parent does not read, a beat is left out.
"""

import os
import select
import time
from typing import Final

LINE: Final = '{"beat": 1}\n'
INTERVAL_S: Final = 1.0
"""The shortest time between two beats."""
SQL_STEPS: Final = 1_000_000
"""For SQLite's progress handler: a statement beats after this number of steps, which take some 10 ms."""

_descriptor: int | None = None
_next_s = 0.0


def start(descriptor: int = 1) -> None:
    """Send beats to `descriptor`, standard output by default, from now on."""
    global _descriptor  # noqa: PLW0603 - a process has one heartbeat
    _descriptor = descriptor


def beat() -> None:
    """Let the parent know that this process makes progress; nothing in a process without such a parent."""
    global _next_s  # noqa: PLW0603 - as above
    if _descriptor is None or (now_s := time.monotonic()) < _next_s:
        return
    _next_s = now_s + INTERVAL_S
    try:
        if select.select((), (_descriptor,), (), 0)[1]:  # there is space for a line of this length
            os.write(_descriptor, LINE.encode())
    except (OSError, ValueError):
        return  # the parent has ended


def is_beat(line: str) -> bool:
    """Whether this line of output is a beat."""
    return line == LINE
