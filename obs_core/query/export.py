"""All rows that fit a filter, piece by piece, for exports: constant memory, and no long transaction.

A piece is bounded by the rows that it looks at, not by those that it finds, so that a rare match costs no more time
within one transaction than a frequent one.
"""

from collections.abc import Iterator
from typing import Any, Final

from obs_core.clock import FURTHEST_NS, Window
from obs_core.model import Row
from obs_core.query import traces
from obs_core.query.engine import Engine

PIECE: Final = 10_000
ALWAYS: Final = Window(-FURTHEST_NS - 1, FURTHEST_NS)
"""Every moment that a log can hold, but for its very last nanosecond."""


def pieces(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    process: str | None = None,
    status: str | None = None,
    kind: str | None = None,
    errors: bool = False,
    search: str | None = None,
    size: int = PIECE,
) -> Iterator[list[Row]]:
    """The rows that fit, oldest first, as lists of at most `size`, each read in a transaction of its own.

    Rows that come after the first piece was asked for are not among them. The filter is that of `traces.page`. A log
    that another program made is read in the order of its rows, since nothing there finds them by time.

    Raises:
        ObsError: a parameter is none of what it may be; or as `Engine.lookup`, for each piece.
    """
    parameters = traces.filtered(window, group, process, status, kind, errors=errors, search=search)
    ((last_id,),) = engine.tuples("export/last", {})
    if last_id is None:
        return
    if engine.shape().native:
        for piece in _by_time(engine, parameters, last_id, size):
            yield [Row._make(cells) for cells in piece]
    else:
        for piece in _by_id(engine, parameters, last_id, size):
            yield [_told(cells) for cells in piece]


def _by_time(engine: Engine, parameters: dict[str, Any], last_id: int, size: int) -> Iterator[list[tuple[Any, ...]]]:
    place: dict[str, Any] = {"from_ns": parameters["from_ns"], "to_ns": parameters["to_ns"]}
    place |= {"after_ns": None, "after_id": None}
    while True:
        found = engine.tuples("export/edge", place | {"size": size})
        edge_ns, edge_id = found[0] if found else (None, None)
        within = {**place, "edge_ns": edge_ns, "edge_id": edge_id, "last_id": last_id}
        if edge_id is not None:  # the index is read no further than the edge
            within["to_ns"] = min(place["to_ns"], edge_ns + 1)
        yield engine.tuples("export/piece", parameters | within)
        if edge_id is None:
            return
        place |= {"after_ns": edge_ns, "after_id": edge_id, "from_ns": max(place["from_ns"], edge_ns)}


def _by_id(engine: Engine, parameters: dict[str, Any], last_id: int, size: int) -> Iterator[list[tuple[Any, ...]]]:
    after = None
    while True:
        found = engine.tuples("export/edge_by_id", {"after_id": after, "last_id": last_id, "size": size})
        edge = found[0][0] if found else last_id
        yield engine.tuples("export/piece_by_id", parameters | {"after_id": after, "edge_id": edge})
        if not found:
            return
        after = edge


def _told(cells: tuple[Any, ...]) -> Row:
    """A row of a log that another program made: what is missing where each row has something is filled in."""
    row = Row._make(cells)
    status = row.status if row.status in ("OK", "ERROR", "UNSET") else "UNSET"
    kind = row.kind if row.kind in traces.KINDS else None
    if kind is None:  # the same rule as for a CSV file without a kind
        kind = "call" if status == "ERROR" or row.exception else "value"
    return row._replace(kind=kind, status=status, process=row.process or "", data=row.data or "")
