"""Rows of a log go to a judge, some at a time."""

import sqlite3
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from obs_core.alerts.evaluate.evaluator import Evaluator
from obs_core.store import tail
from obs_core.store.foreign import Shape

CHUNK: Final = 20_000
Held = AbstractSet[str]
Progress = Callable[[str, int, int], None]


class Source(NamedTuple):
    """A log, opened, and how it is built."""

    log: sqlite3.Connection
    shape: Shape


def feed(
    source: Source,
    judge: Evaluator,
    after: int,
    upto: int,
    now_ns: int,
    *,
    quiet_until: int = 0,
    live: bool = False,
    held: Held = frozenset(),
) -> int:
    """Let `judge` take up to `CHUNK` rows behind the id `after`, those that came late too; the id it has come to."""
    end = tail.end_of(*source, after, upto, CHUNK)
    rows = tail.stream(*source, after, end)
    judge.take(rows, now_ns, quiet_until=quiet_until, live=live, held=held)
    if (late := judge.late()) is not None:
        readings = tail.values_from(*source, late[0], late[1], end)
        judge.reread(readings, quiet_until, held)
    return end
