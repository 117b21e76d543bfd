"""Rows that left the log, for narrow queries: read from the archive's pieces into a temporary table of SQLite.

The query itself stays SQLite's, over both, so conditions on texts and attributes mean the same everywhere. Conditions
on whole cells are applied to the pieces first, and no more rows are read than the query can return.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs_core.clock import HOUR, MAX_NS, Window
from obs_core.errors import QuestionTimedOut
from obs_core.query.engine import archive_conditions, archive_order, archive_texts
from obs_core.query.engine.archive_reader import ArchiveView
from obs_core.query.engine.archive_selection import ALWAYS, Selection
from obs_core.query.engine.archive_statement import TABLE
from obs_core.store import sqlite
from obs_core.store.foreign import COLUMNS, INTEGER_COLUMNS

_BORDER: Final = 30_000  # ids: a call and its children are seldom further apart


class _Group(NamedTuple):
    """A row group of a piece, with the times of its first and last row."""

    path: Path
    file: Any
    number: int
    first_ns: int
    last_ns: int


@contextmanager
def loaded(
    connection: sqlite.Connection, view: ArchiveView, selections: Iterable[Selection], end_s: float
) -> Iterator[None]:
    """Within it, the temporary table has what the selections need.

    Raises:
        QuestionTimedOut: it is not done when `time.monotonic()` is `end_s`.
        OSError: a piece is missing. pa.ArrowException: it is damaged.
    """
    # With the log's own types, SQLite sorts and selects the two tables one by one, by their indexes.
    types = {name: "INTEGER" if name in INTEGER_COLUMNS else "TEXT" for name in COLUMNS} | {"id": "INTEGER PRIMARY KEY"}
    columns = ", ".join(f'"{name}" {type_}' for name, type_ in types.items())
    connection.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns})")
    connection.execute("CREATE INDEX IF NOT EXISTS temp.archived_trace ON archived (trace_id, span_id)")
    connection.execute("BEGIN")
    try:
        for selection in selections:
            _insert(connection, _tables(view, selection, end_s))
            if selection.with_parents:
                _insert(connection, _tables(view, _family(connection, view, selection), end_s))
        connection.execute(f"DELETE FROM {TABLE} WHERE id IN (SELECT id FROM main.superseded)")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)
        connection.execute(f"DELETE FROM {TABLE}")


def _insert(connection: sqlite.Connection, tables: Iterable[pa.Table]) -> None:
    """Add rows to the temporary table, except those that it has."""
    for table in tables:
        names, marks = ", ".join(map('"{}"'.format, table.column_names)), ", ".join("?" * table.num_columns)
        insert = f"INSERT OR IGNORE INTO {TABLE} ({names}) VALUES ({marks})"
        connection.executemany(insert, zip(*(column.to_pylist() for column in table.columns), strict=True))


def _family(connection: sqlite.Connection, view: ArchiveView, one: Selection) -> Selection:
    """The rows of the traces of the selected rows, and of the log's first ones: their parents are among them."""
    statement = f"""
        SELECT trace_id FROM {TABLE} WHERE coalesce(parent_span_id, '') <> '' AND trace_id IS NOT NULL
        UNION
        SELECT trace_id FROM main.data_trace
        WHERE id > ? AND id <= ? AND coalesce(parent_span_id, '') <> '' AND trace_id IS NOT NULL
          AND +timestamp >= ? AND +timestamp < ?"""
    first_ids = (view.pruned_id, view.pruned_id + _BORDER)
    rows = connection.execute(statement, (*first_ids, one.window.from_ns, one.window.to_ns)).fetchall()
    columns = ("id", "kind", "timestamp", "trace_id", "span_id", "parent_span_id")
    return Selection(traces=[trace for (trace,) in rows], near_calls=True, columns=columns)


def parents(view: ArchiveView, one: Selection, end_s: float) -> set[tuple[str, str]]:
    """The trace and the span of each call that is the parent of a selected row.

    Raises:
        QuestionTimedOut, OSError, pa.ArrowException: as `loaded`.
    """
    pairs: set[tuple[str, str]] = set()
    for table in _tables(view, replace(one, columns=("trace_id", "span_id", "parent_span_id")), end_s):
        for trace, span, parent in zip(*(column.to_pylist() for column in table.columns), strict=True):
            if parent is not None and parent != span:
                pairs.add((trace, parent))
    return pairs


def _tables(view: ArchiveView, one: Selection, end_s: float) -> Iterator[pa.Table]:
    """The rows that a selection needs, in parts."""
    if one.traces is not None and one.window == ALWAYS:
        one = _within_traces(view, one, end_s) if one.traces else replace(one, ids=())
    if one.sorts:
        one = replace(one, ids=_first_sorted(view, one, end_s), sorts=False)
    pieces = [piece for piece in view.pieces if piece.what == "rows" and piece.first_id <= view.pruned_id]
    pieces.sort(key=lambda piece: -piece.last_ns if one.newest_first else piece.first_ns)
    times = np.empty(0, dtype=np.int64)
    for piece in pieces:
        if one.excludes(piece) or _has_enough(one, times, piece.first_ns, piece.last_ns):
            continue
        for group in _groups(view.folder / piece.file, one):
            if _has_enough(one, times, group.first_ns, group.last_ns):
                continue
            _check(end_s)
            table = _read(group, view.pruned_id, one)
            if table is None:
                continue
            if one.need is not None:
                table = _first(table, one)
                times = np.concatenate([times, table["timestamp"].to_numpy()])
            yield table


def _has_enough(one: Selection, times: "np.ndarray[Any, np.dtype[np.int64]]", first_ns: int, last_ns: int) -> bool:
    """Whether the rows with these times are enough, so that none from `first_ns` to `last_ns` is among the first."""
    if one.need is None or len(times) < one.need:
        return False
    ahead = times > last_ns if one.newest_first else times < first_ns
    return int(np.count_nonzero(ahead)) >= one.need


def _check(end_s: float) -> None:
    if time.monotonic() > end_s:
        raise QuestionTimedOut("The question took too long and was stopped.", "Choose a shorter window.")


def _groups(path: Path, one: Selection) -> list[_Group]:
    """The row groups that may have rows of a selection."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - 8 MB, only where rows have left the log

    metadata = archive_texts.description(path)
    file = pq.ParquetFile(path, metadata=metadata)
    times, ids = (file.schema_arrow.get_field_index(name) for name in ("timestamp", "id"))
    groups = []
    for number in range(metadata.num_row_groups):
        described = metadata.row_group(number)
        first, last = _bounds(described.column(times))
        lowest, highest = _bounds(described.column(ids))
        in_window = last >= one.window.from_ns and first < one.window.to_ns
        if in_window and (one.ids is None or any(lowest <= row_id <= highest for row_id in one.ids)):
            groups.append(_Group(path, file, number, first, last))
    return sorted(groups, key=lambda group: -group.last_ns if one.newest_first else group.first_ns)


def _bounds(column: Any) -> tuple[int, int]:  # noqa: ANN401 - untyped in pyarrow
    statistics = column.statistics
    return (statistics.min, statistics.max) if statistics and statistics.has_min_max else (ALWAYS.from_ns, MAX_NS)


def _read(group: _Group, pruned_id: int, one: Selection) -> pa.Table | None:
    """The rows of a row group that match; None if none do. Columns without a condition are read only then."""
    mask = _mask(group, pruned_id, one)
    if mask is None:
        return None
    return group.file.read_row_group(group.number, list(one.columns), use_threads=False).filter(mask)


def _mask(group: _Group, pruned_id: int, one: Selection) -> Any:  # noqa: ANN401 - untyped in pyarrow
    """Which rows of a row group match; None if none do."""

    def column(name: str) -> Any:  # noqa: ANN401 - untyped in pyarrow
        return group.file.read_row_group(group.number, [name], use_threads=False).column(0)

    with_text = partial(archive_texts.rows_with_text, group.path, group.number)
    mask = None
    for condition in archive_conditions.conditions(pruned_id, one, column, with_text):
        filled = pc.fill_null(condition, fill_value=False)
        mask = filled if mask is None else pc.and_(mask, filled)
        if not pc.any(mask).as_py():
            return None
    return mask


def _first_sorted(view: ArchiveView, one: Selection, end_s: float) -> list[int]:
    """The ids of the first rows of a sorted page; only the columns of the key are read."""
    best = None
    for piece in view.pieces:
        if piece.what != "rows" or piece.first_id > view.pruned_id or one.excludes(piece):
            continue
        for group in _groups(view.folder / piece.file, one):
            _check(end_s)
            mask = _mask(group, view.pruned_id, one)
            if mask is not None:
                columns = ["id", "timestamp", archive_order.column_of(one)]
                rows = group.file.read_row_group(group.number, columns, use_threads=False).filter(mask)
                best = archive_order.first(rows, best, one)
    return [] if best is None else best["id"].to_pylist()


def _first(table: pa.Table, one: Selection) -> pa.Table:
    """The first rows by time that are needed, and all with the time of the last of them."""
    if one.need is None or len(table) <= one.need:
        return table
    times = table["timestamp"].to_numpy()
    if one.newest_first:
        edge = np.partition(times, len(times) - one.need)[len(times) - one.need]
        return table.filter(pa.array(times >= edge))
    edge = np.partition(times, one.need - 1)[one.need - 1]
    return table.filter(pa.array(times <= edge))


def _within_traces(view: ArchiveView, one: Selection, end_s: float) -> Selection:
    """The selection with the time range in which the archive has calls of its traces; without any, all times."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    first, last = MAX_NS, ALWAYS.from_ns
    for piece in view.pieces:
        if piece.what != "r_traces" or piece.first_id > view.pruned_id:
            continue
        _check(end_s)
        calls = pq.read_table(
            view.folder / piece.file,
            columns=["first_ns", "last_ns"],
            filters=[("trace_id", "in", list(one.traces or ()))],
            use_threads=False,
        )
        if len(calls):
            first = min(first, pc.min(calls["first_ns"]).as_py())
            last = max(last, pc.max(calls["last_ns"]).as_py())
    if first > last:  # no call: values and logs of the traces may be anywhere
        return replace(one, ids=()) if one.near_calls else one
    return replace(one, window=Window(max(first - HOUR, ALWAYS.from_ns), min(last + HOUR, MAX_NS)))
