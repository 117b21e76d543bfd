"""The traces of a window, each as its root with what the trace has in all."""

import json
from typing import Final

from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import QuestionTimedOut
from obs_core.model import ROW_CAP
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks, paging
from obs_core.query.filters.conditions import by_ids
from obs_core.query.filters.cursor import BEFORE_ALL, cursor
from obs_core.query.filters.piecewise_search import search_page
from obs_core.query.filters.row_filter import ALL_ROWS, RowFilter
from obs_core.query.filters.search import search_rows

ROOTS: Final = RowFilter(roots=True)
COUNTING_S: Final = 1.0  # seconds that `total` counts at most


def page(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    row_filter: RowFilter = ALL_ROWS,
    sort: str = "time",
    after: str | None = None,
    size: int = 100,
    attributes: tuple[str, ...] = (),
) -> DataFrame:
    """The traces that have a matching row, a page of at most `size`: the columns of `traces.page` for their roots.

    Further columns: `spans` (calls of the trace), `errors` (failed rows) and `services` (its processes, a JSON array).
    Without a filter these are the traces that began in the window. The order is that of the first matching row of each
    trace; `sort`, `after`, `attributes` and the `attrs` are as in `traces.page`.

    Raises:
        BadParameter: a parameter has an invalid value.
    """
    size = checks.checked_int("size", size, 1, ROW_CAP)
    descending, key = paging.is_descending(sort), sort.lstrip("-")
    row_filter = ROOTS if row_filter == ALL_ROWS else row_filter
    after_row = cursor(after)
    parameters: dict[str, object] = {
        "size": size + 1,
        "after_ns": after_row and after_row.timestamp,
        "after_id": after_row and after_row.id,
    }
    if sort == "time":
        # The whole window: a trace of an earlier page is not listed again. What was searched is not searched again.
        is_searched = after_row is not None and after_row.id == BEFORE_ALL
        rest = paging.remaining(window, after_row, descending=True) if is_searched else window
        listed = search_page(engine, "trace_list/page", rest, row_filter, parameters, newest_first=True, group=group)
        listed = listed.drop_duplicates("trace_id", ignore_index=True)
    else:
        keyed = {"sort": key, "descending": int(descending), "after_key": after_row and after_row.key}
        listed = search_rows(engine, "trace_list/page_sorted", window, row_filter, parameters | keyed, group=group)
    rows = _roots(engine, listed.head(size), attributes)
    next_token = paging.next_page(listed, size)
    rows.attrs = dict(listed.attrs) | {"truncated": next_token is not None, "next": next_token}
    return rows


def total(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    row_filter: RowFilter = ALL_ROWS,
    most: int = 100_000,
) -> DataFrame:
    """The number of traces in `page` as `rows`, and `exact`, which is False if more than `most` rows match.

    Counting also stops after a second; then `rows` is 0 and `exact` is False.

    Raises:
        BadParameter: a parameter has an invalid value.
    """
    most = checks.checked_int("most", most, 0, 10**12)
    row_filter = ROOTS if row_filter == ALL_ROWS else row_filter
    try:
        counted = search_rows(
            engine, "trace_list/total", window, row_filter, {"most": most + 1}, group=group, limit_s=COUNTING_S
        )
    except QuestionTimedOut:
        return DataFrame({"rows": [0], "exact": [False]})
    counted["exact"] = counted["looked"] <= most
    return counted[["rows", "exact"]]


def _roots(engine: Engine, listed: DataFrame, attributes: tuple[str, ...]) -> DataFrame:
    """The roots of the `listed` traces in their order, with the columns of the page."""
    outlines = engine.lookup("trace_list/outlines", {"trace_ids": json.dumps(listed["trace_id"].tolist())})
    roots = _rows(engine, outlines["root_id"].tolist(), attributes).set_index("id", drop=False)
    ordered = listed[["trace_id"]].merge(outlines, on="trace_id")
    rows = roots.loc[ordered["root_id"]].reset_index(drop=True)
    return rows.assign(**{name: ordered[name] for name in ("spans", "errors", "services")})


def _rows(engine: Engine, ids: list[int], attributes: tuple[str, ...]) -> DataFrame:
    """The rows with these ids, with the columns of the page."""
    parameters: dict[str, object] = {
        "ids": json.dumps(ids),
        "size": len(ids),
        "longest": paging.LONGEST_CELL,
        "with_attributes": int(bool(attributes)),
        "after_ns": None,
        "after_id": None,
    }
    answer = engine.lookup("traces/page", parameters, where_sql=by_ids(engine))
    return paging.paged(answer, len(ids), attributes)
