"""Feeds the rows of a log to an evaluator, in batches."""

import sqlite3
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from obs_core.alerts.evaluate.evaluator import Evaluator
from obs_core.store import tail
from obs_core.store.foreign import Shape

BATCH: Final = 20_000
Held = AbstractSet[str]
"""The processes with a writer that is behind; they are neither stale nor silent."""
Progress = Callable[[str, int, int], None]
"""Called with the task, the rows done and the rows in total."""


class Source(NamedTuple):
    """An open log and its shape."""

    log: sqlite3.Connection
    shape: Shape


def feed(
    source: Source,
    evaluator: Evaluator,
    after_id: int,
    up_to_id: int,
    now_ns: int,
    *,
    quiet_until: int = 0,
    live: bool = False,
    held: Held = frozenset(),
) -> int:
    """Evaluate at most `BATCH` rows after the id `after_id`, and reread series with late rows; return the last id."""
    end_id = tail.end_of(*source, after_id, up_to_id, BATCH)
    rows = tail.stream(*source, after_id, end_id, lambda row_id, why: evaluator.counts.add("unreadable", row_id, why))
    evaluator.take(rows, now_ns, quiet_until=quiet_until, live=live, held=held)
    if (late := evaluator.late()) is not None:
        readings = tail.values_from(*source, late[0], late[1], end_id)
        evaluator.reread(readings, quiet_until, held)
    return end_id
