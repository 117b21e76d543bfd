"""Reads the log in the order of arrival: the rows after an id, and readings of series again when some came late.

A log may have cells of any size. Whoever follows it keeps texts, so long cells are cut (`long_cells`); rows that can't
be read at all are skipped and passed to `on_unreadable`.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Final, NamedTuple

from obs_core import heartbeat
from obs_core.clock import SECOND
from obs_core.store import long_cells, sqlite
from obs_core.store.foreign import Shape


class TailRow(NamedTuple):
    """The columns of one row that rules need; `kind` is None in logs where a row is both a call and a value."""

    id: int
    kind: str | None
    process: str
    process_group: str | None
    data: str
    function: str | None
    data_type: str | None
    data_value: str | None
    timestamp: int
    status: str
    exception: str | None
    duration_ns: int | None
    trace_id: str | None
    span_id: str | None
    parent_span_id: str | None
    attributes: str | None

    @property
    def is_value(self) -> bool:
        """Whether it is a reading of a series."""
        return self.kind == "value" if self.kind else bool(self.data_value)

    @property
    def is_call(self) -> bool:
        """Whether it is a call."""
        return self.kind is None or self.kind == "call"


YEAR_2000_NS: Final = 946_684_800 * SECOND
"""Timestamps before it are ignored: the clock was wrong."""
_BATCH: Final = 500
_MAX_NAMES: Final = 2_000
_tail_row: Final = partial(tuple.__new__, TailRow)  # `_make` without its check: 0.25 us less per row
OnUnreadable = Callable[[int, str], None]
"""Called with the id of a row that can't be read, and why."""


def skip(_row_id: int, _why: str) -> None:
    """Skip a row that can't be read."""


def newest_id(log: sqlite3.Connection, shape: Shape) -> int:
    """The highest id in the log; 0 if it is empty."""
    return int(log.execute(f"SELECT coalesce(max(id), 0) FROM {shape.rows}").fetchone()[0])


def stream(
    log: sqlite3.Connection, shape: Shape, after_id: int, up_to_id: int, on_unreadable: OnUnreadable = skip
) -> Iterator[TailRow]:
    """All rows with an id above `after_id` and not above `up_to_id`, by id, read in small batches.

    With 20,000 rows per batch the garbage collector took a third of the time of the evaluation.
    """
    return chain.from_iterable(_batches(log, shape.rows, after_id, up_to_id, on_unreadable))


def calls(log: sqlite3.Connection, shape: Shape, up_to_id: int) -> Iterator[TailRow]:
    """All calls with an id not above `up_to_id`, by id."""
    return chain.from_iterable(_batches(log, shape.relation("calls"), 0, up_to_id, skip))


def _batches(
    log: sqlite3.Connection, relation: str, after_id: int, up_to_id: int, on_unreadable: OnUnreadable
) -> Iterator[list[TailRow]]:
    where = f"id > ? AND id <= ? ORDER BY id LIMIT {_BATCH}"
    while True:
        rows, last_id = _rows(log, relation, where, (after_id, up_to_id), on_unreadable)
        if last_id is None:
            return
        yield rows
        after_id = last_id


def _rows(
    log: sqlite3.Connection, relation: str, where: str, bound: tuple[object, ...], on_unreadable: OnUnreadable = skip
) -> tuple[list[TailRow], int | None]:
    """The rows that match `where`, and the last of their ids (None: there are none).

    If one of them can't be read, they are read one by one, without that one.
    """
    heartbeat.beat()
    try:
        rows = list(map(_tail_row, long_cells.select(log, TailRow._fields, relation, where, bound)))
    except (sqlite3.Error, MemoryError) as error:
        if isinstance(error, sqlite3.Error) and sqlite.is_about_file(error):
            raise
        ids = [row[0] for row in log.execute(f"SELECT id FROM {relation} WHERE {where}", bound)]
        rows = [row for row_id in ids for row in _row(log, relation, row_id, on_unreadable)]
        return rows, ids[-1] if ids else None
    return rows, rows[-1].id if rows else None


def _row(log: sqlite3.Connection, relation: str, row_id: int, on_unreadable: OnUnreadable) -> list[TailRow]:
    """The row with this id; none if it can't be read."""
    try:
        return list(map(_tail_row, long_cells.select(log, TailRow._fields, relation, "id = ?", (row_id,))))
    except (sqlite3.Error, MemoryError) as error:
        if isinstance(error, sqlite3.Error) and sqlite.is_about_file(error):
            raise
        on_unreadable(row_id, str(error) or "there is not enough memory")
        return []


def end_of(log: sqlite3.Connection, shape: Shape, after_id: int, up_to_id: int, count: int) -> int:
    """The id of the `count`-th row after `after_id`; `up_to_id` if there are fewer rows."""
    statement = f"SELECT id FROM {shape.rows} WHERE id > ? AND id <= ? ORDER BY id LIMIT 1 OFFSET ?"
    row = log.execute(statement, (after_id, up_to_id, count - 1)).fetchone()
    return int(row[0]) if row else up_to_id


def values_from(
    log: sqlite3.Connection, shape: Shape, series: Iterable[tuple[str, str]], from_ns: int, up_to_id: int
) -> list[TailRow]:
    """The readings of `series` (process, data) from `from_ns` on with an id up to `up_to_id`, by (timestamp, id)."""
    names = set(series)
    if len(names) > _MAX_NAMES or any("\ufffd" in name for pair in names for name in pair):  # these differ in SQL
        rows = [
            row for row in rows_from(log, shape, from_ns, up_to_id) if row.is_value and (row.process, row.data) in names
        ]
        return sorted(rows, key=lambda row: (row.timestamp, row.id))
    # SQL skips 50,000 rows in a quarter of Python's time.
    in_series = f"(+process, +data) IN (VALUES {', '.join(['(?, ?)'] * len(names))})"
    where = f"timestamp >= ? AND id <= ? AND ({shape.values_where}) AND {in_series} ORDER BY timestamp, id"
    return _rows(log, shape.rows, where, (from_ns, up_to_id, *chain.from_iterable(names)))[0]


def rows_from(log: sqlite3.Connection, shape: Shape, from_ns: int, up_to_id: int) -> Iterator[TailRow]:
    """All rows from `from_ns` on, with an id not above `up_to_id`, by id."""
    where = "timestamp >= ? AND id <= ? ORDER BY id"
    ids = [row[0] for row in log.execute(f"SELECT id FROM {shape.rows} WHERE {where}", (from_ns, up_to_id))]
    for start in range(0, len(ids), _BATCH):
        first, last = ids[start], ids[start : start + _BATCH][-1]
        within = "id >= ? AND id <= ? AND +timestamp >= ? ORDER BY id"
        yield from _rows(log, shape.rows, within, (first, last, from_ns))[0]


def oldest_ns(log: sqlite3.Connection, shape: Shape) -> int | None:
    """The earliest timestamp after `YEAR_2000_NS`; None if there are none."""
    statement = f"SELECT min(timestamp) FROM {shape.rows} WHERE timestamp > ?"
    oldest = log.execute(statement, (YEAR_2000_NS,)).fetchone()[0]
    return None if oldest is None else int(oldest)
