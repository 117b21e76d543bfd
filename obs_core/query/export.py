"""All rows that fit a filter, piece by piece, for exports: constant memory, and no long transaction.

A piece is bounded by the rows that it looks at, not by those that it finds, so that a rare match costs no more time
within one transaction than a frequent one.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from pandas import DataFrame

from obs_core.clock import MAX_NS, Window
from obs_core.model import Row
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks
from obs_core.query.filters.row_filter import ALL_ROWS, KINDS, RowFilter
from obs_core.query.filters.where import WhereClause, where_clause

PIECE: Final = 10_000
LOOKED_AT: Final = 200  # rows whose width is measured
PLAIN_BYTES: Final = 30 + 19 + 4 + 12 + 20  # of a line: ISO time, nanoseconds, kind, duration, commas and line end
ALWAYS: Final = Window(-MAX_NS - 1, MAX_NS)
"""Every moment that a log can hold, but for its very last nanosecond."""
_row: Final = partial(tuple.__new__, Row)  # `_make` without its check: 0.3 us a row less


def pieces(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    row_filter: RowFilter = ALL_ROWS,
    size: int = PIECE,
) -> Iterator[list[Row]]:
    """The rows that fit, oldest first, as lists of at most `size`, each read in a transaction of its own.

    Rows written after the first piece was read are not included. A log that another program made is read in the
    order of its ids, since it has no index by time.

    Raises:
        ObsError: a parameter is none of what it may be; or as `Engine.lookup`, for each piece.
    """
    where = where_clause(window, row_filter, group=group)
    ((last_id,),) = engine.tuples("export/last", {})
    if last_id is None:
        return
    if engine.shape().native:
        for piece in _by_time(engine, where, last_id, size):
            yield [*map(_row, piece)]
    else:
        for piece in _by_id(engine, where, last_id, size):
            yield [_told(cells) for cells in piece]


def width(engine: Engine, window: Window, *, group: str | None = None, row_filter: RowFilter = ALL_ROWS) -> DataFrame:
    """How wide the rows that fit are in a CSV file, by the newest of them: one row, `bytes` of a line (null: none fit).

    Raises:
        ObsError: as `pieces`.
    """
    where = where_clause(window, row_filter, group=group)
    found = engine.lookup("export/width", where.parameters | {"newest": LOOKED_AT}, where_sql=where.sql, limit_s=1.0)
    rows, text = int(found["rows"].iloc[0]), int(found["bytes"].iloc[0])
    answer = DataFrame({"bytes": [text / rows + PLAIN_BYTES if rows else float("nan")]})
    answer.attrs = found.attrs
    return answer


def trace(engine: Engine, trace_id: str) -> list[Row]:
    """All rows of one trace, by time; none where the log does not hold it.

    Raises:
        ObsError: the id can be none; or as `Engine.lookup`.
    """
    found = engine.tuples("export/trace", {"trace_id": checks.text("trace_id", trace_id)})
    return [Row._make(cells) if engine.shape().native else _told(cells) for cells in found]


def _by_time(engine: Engine, where: WhereClause, last_id: int, size: int) -> Iterator[list[tuple[Any, ...]]]:
    place: dict[str, Any] = {name: where.parameters[name] for name in ("from_ns", "to_ns")}
    place |= {"after_ns": None, "after_id": None}
    while True:
        found = engine.tuples("export/edge", place | {"size": size})
        edge_ns, edge_id = found[0] if found else (None, None)
        within = {**place, "edge_ns": edge_ns, "edge_id": edge_id, "last_id": last_id}
        if edge_id is not None:  # the index is read no further than the edge
            within["to_ns"] = min(place["to_ns"], edge_ns + 1)
        yield engine.tuples("export/piece", where.parameters | within, where_sql=where.sql)
        if edge_id is None:
            return
        place |= {"after_ns": edge_ns, "after_id": edge_id, "from_ns": max(place["from_ns"], edge_ns)}


def _by_id(engine: Engine, where: WhereClause, last_id: int, size: int) -> Iterator[list[tuple[Any, ...]]]:
    after = None
    while True:
        found = engine.tuples("export/edge_by_id", {"after_id": after, "last_id": last_id, "size": size})
        edge = found[0][0] if found else last_id
        yield engine.tuples(
            "export/piece_by_id", where.parameters | {"after_id": after, "edge_id": edge}, where_sql=where.sql
        )
        if not found:
            return
        after = edge


def _told(cells: tuple[Any, ...]) -> Row:
    """A row of a log that another program made: what is missing where each row has something is filled in."""
    row = Row._make(cells)
    status = row.status if row.status in ("OK", "ERROR", "UNSET") else "UNSET"
    kind = row.kind if row.kind in KINDS else None
    if kind is None:  # the same rule as for a CSV file without a kind
        kind = "call" if status == "ERROR" or row.exception else "value"
    return row._replace(kind=kind, status=status, process=row.process or "", data=row.data or "")
