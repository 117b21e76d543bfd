"""All rows that match a filter, in pieces, for exports: constant memory, and no long transaction.

A piece is limited by the rows that it reads, not by those that match, so that a rare match takes no more time in one
transaction than a frequent one; and by the bytes of these rows, so that long cells take no more memory.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from pandas import DataFrame

from obs_core.clock import MAX_NS, Window
from obs_core.errors import BadParameter
from obs_core.model import Row
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks
from obs_core.query.filters.conditions import where_clause
from obs_core.query.filters.row_filter import ALL_ROWS, RowFilter
from obs_core.query.filters.where import WhereClause
from obs_core.store import foreign

PIECE: Final = 10_000
PIECE_BYTES: Final = 64 << 20
"""The bytes of text in one piece; a single row may have more."""
LONG_COLUMNS: Final = ("data_value", "exception", "exception_stack", "attributes")
TYPICAL_ROW: Final = 400
"""Bytes of a row in the file of a log, with its indexes."""
MEASURED: Final = 200  # newest rows that `width` measures
PLAIN_BYTES: Final = 30 + 19 + 4 + 12 + 20  # of a line: ISO time, nanoseconds, kind, duration, commas and line end
ALWAYS: Final = Window(-MAX_NS - 1, MAX_NS)
"""All times that a log can contain, except its very last nanosecond."""
_row: Final = partial(tuple.__new__, Row)  # `_make` without its check: 0.3 us less per row


def pieces(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    row_filter: RowFilter = ALL_ROWS,
    size: int = PIECE,
) -> Iterator[list[Row]]:
    """The matching rows, oldest first, as lists of at most `size`, each read in a transaction of its own.

    Rows written after the first piece was read are not included. A log that another program made is read in the
    order of its ids, since it has no index by time.

    Raises:
        ObsError: a parameter has an invalid value; or as `Engine.lookup`, for each piece.
    """
    where = where_clause(engine, window, row_filter, group=group)
    ((last_id,),) = engine.tuples("export/last", {})
    if last_id is None:
        return
    if engine.shape().native:
        for piece in _by_time(engine, where, last_id, size):
            yield [*map(_row, piece)]
    else:
        for piece in _by_id(engine, where, last_id, size):
            yield [foreign.completed(Row._make(cells)) for cells in piece]


def width(engine: Engine, window: Window, *, group: str | None = None, row_filter: RowFilter = ALL_ROWS) -> DataFrame:
    """The size of a line in a CSV file, measured on the newest matching rows: one row, `bytes` (null if none match).

    Raises:
        ObsError: as `pieces`.
    """
    where = where_clause(engine, window, row_filter, group=group)
    measured = engine.lookup("export/width", where.parameters | {"newest": MEASURED}, where_sql=where.sql, limit_s=1.0)
    rows, text = int(measured["rows"].iloc[0]), int(measured["bytes"].iloc[0])
    answer = DataFrame({"bytes": [text / rows + PLAIN_BYTES if rows else float("nan")]})
    answer.attrs = measured.attrs
    return answer


def cell(engine: Engine, row_id: int, name: str) -> str | None:
    """A long text of a row, whole: the column `name` is one of `LONG_COLUMNS`; None if there is none.

    Raises:
        ObsError: another column is named; or as `Engine.lookup`.
    """
    if name not in LONG_COLUMNS:
        raise BadParameter(f"“{name[:60]}” is not a column with long texts.", f"Use {', '.join(LONG_COLUMNS)}.")
    rows = engine.tuples("export/cell", {"id": row_id, "name": name})
    return None if not rows or rows[0][0] is None else str(rows[0][0])


def trace(engine: Engine, trace_id: str) -> list[Row]:
    """All rows of one trace, by time; none if the log does not have it.

    Raises:
        ObsError: the id is not valid; or as `Engine.lookup`.
    """
    rows = engine.tuples("export/trace", {"trace_id": checks.text("trace_id", trace_id)})
    return [Row._make(cells) if engine.shape().native else foreign.completed(Row._make(cells)) for cells in rows]


def _by_time(engine: Engine, where: WhereClause, last_id: int, size: int) -> Iterator[list[tuple[Any, ...]]]:
    position: dict[str, Any] = {name: where.parameters[name] for name in ("from_ns", "to_ns")}
    position |= {"after_ns": None, "after_id": None}
    sized, limits = _limits(engine, size)
    while True:
        edges = engine.tuples("export/sized_edge" if sized else "export/edge", position | limits)
        edge_ns, edge_id = edges[0] if edges else (None, None)
        within = {**position, "edge_ns": edge_ns, "edge_id": edge_id, "last_id": last_id}
        if edge_id is not None:  # the index is read no further than the edge
            within["to_ns"] = min(position["to_ns"], edge_ns + 1)
        yield engine.tuples("export/piece", where.parameters | within, where_sql=where.sql)
        if edge_id is None:
            return
        position |= {"after_ns": edge_ns, "after_id": edge_id, "from_ns": max(position["from_ns"], edge_ns)}


def _by_id(engine: Engine, where: WhereClause, last_id: int, size: int) -> Iterator[list[tuple[Any, ...]]]:
    after = None
    sized, limits = _limits(engine, size)
    while True:
        name = "export/sized_edge_by_id" if sized else "export/edge_by_id"
        edges = engine.tuples(name, {"after_id": after, "last_id": last_id, **limits})
        edge = edges[0][0] if edges else last_id
        yield engine.tuples(
            "export/piece_by_id", where.parameters | {"after_id": after, "edge_id": edge}, where_sql=where.sql
        )
        if not edges:
            return
        after = edge


def _limits(engine: Engine, size: int) -> tuple[bool, dict[str, int]]:
    """Whether pieces are also bounded by bytes, and the limits of a piece.

    Measuring each row takes half as long again as reading it, so only if the log has more bytes than its rows explain.
    """
    is_large = engine.bytes_beyond(TYPICAL_ROW) > PIECE_BYTES
    return is_large, {"size": size, "most": PIECE_BYTES} if is_large else {"size": size}
