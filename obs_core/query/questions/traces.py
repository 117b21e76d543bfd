"""Rows of the log: pages of them, one row, and a trace as a tree. All are narrow queries with an index and a keyset."""

from typing import Any, Final

import pandas as pd
from pandas import DataFrame, Series

from obs_core.clock import Window
from obs_core.errors import QuestionTimedOut
from obs_core.model import CANONICAL, ROW_CAP
from obs_core.query.analysis import attributes as attribute
from obs_core.query.analysis import trace_tree
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks, paging
from obs_core.query.filters.cursor import cursor
from obs_core.query.filters.piecewise_search import search_page
from obs_core.query.filters.row_filter import ALL_ROWS, RowFilter
from obs_core.query.filters.search import search_rows

LARGEST_TREE: Final = 50_000  # rows of one trace
COUNTED: Final = 100_000  # rows that `total` counts at most
COUNTING_S: Final = 1.0  # seconds that `total` counts at most

_TREE: Final = (
    *("kind", "span_id", "parent_span_id", "depth", *CANONICAL, "start_offset_ms", "duration_ms", "self_ms", "orphan"),
    *("id", "process_group", "function", "memory_delta", "cyclic"),
)


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
    """The matching rows, a page of at most `size` (up to 10,000).

    `sort` is time (newest first), duration (longest first), status (errors first), process, data, data_type or
    exception (A to Z); a `-` before it reverses the order. `after` is `attrs["next"]` of the previous page; it is None
    on the last page.
    `attrs["truncated"]` says whether more rows match, or may match: if the search takes long, the page has the rows up
    to then, and `attrs["looked_to_ns"]` is the time up to which the window was searched. Texts longer than 65,536
    characters are cut. Each of `attributes` becomes a column `attributes.<name>` with its text, null if the row lacks
    it.

    Raises:
        BadParameter: a parameter has an invalid value.
    """
    size = checks.checked_int("size", size, 1, ROW_CAP)
    descending = paging.is_descending(sort)
    after_row = cursor(after)
    key = sort.lstrip("-")
    parameters: dict[str, object] = {
        "size": size + 1,
        "longest": paging.LONGEST_CELL,
        "with_attributes": int(bool(attributes)),
        "after_ns": after_row and after_row.timestamp,
        "after_id": after_row and after_row.id,
    }
    if key == "time":
        query_name = "traces/page" if descending else "traces/page_oldest"
        rest = paging.remaining(window, after_row, descending=descending)
        answer = search_page(engine, query_name, rest, row_filter, parameters, newest_first=descending, group=group)
    else:
        keyed = {"sort": key, "descending": int(descending), "after_key": after_row and after_row.key}
        answer = search_rows(engine, "traces/page_sorted", window, row_filter, parameters | keyed, group=group)
    return paging.paged(answer, size, attributes)


def total(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    row_filter: RowFilter = ALL_ROWS,
    most: int = COUNTED,
) -> DataFrame:
    """The number of matching rows, in one row: `rows`, and `exact`, which is False if there are more (over `most`).

    Counting also stops after a second; then `rows` is 0 and `exact` is False.

    Raises:
        BadParameter: a parameter has an invalid value.
    """
    most = checks.checked_int("most", most, 0, 10**12)
    try:
        counted = search_rows(
            engine, "traces/total", window, row_filter, {"most": most + 1}, group=group, limit_s=COUNTING_S
        )
    except QuestionTimedOut:
        return DataFrame({"rows": [0], "exact": [False]})
    counted["exact"] = counted["rows"] <= most
    counted["rows"] = counted["rows"].clip(upper=most)
    return counted


def tree(engine: Engine, window: Window, *, group: str | None = None, trace_id: str) -> DataFrame:
    """One whole trace as a tree, depth first, siblings by start; window and group are ignored.

    Roots and orphans (`orphan`: the parent is missing) have depth 1. `self_ms` is the duration without the union of
    the children's intervals, each clipped to the call. `cyclic` marks the row at which a cycle of parents was cut.
    A trace with more than 50,000 rows is cut there, and `attrs["truncated"]` says so.
    """
    del window, group
    parameters = {"trace_id": checks.text("trace_id", trace_id), "longest": paging.LONGEST_CELL}
    rows = engine.lookup("traces/tree", parameters, row_cap=LARGEST_TREE)
    columns = (_python_values(rows[name]) for name in ("span_id", "parent_span_id", "timestamp", "duration_ns"))
    nodes = [
        trace_tree.Node(own or None, parent or None, start, None if duration is None else int(duration))
        for own, parent, start, duration in zip(*columns, strict=True)
    ]
    tree_nodes = trace_tree.tree_nodes(nodes)
    answer = rows.iloc[[node.row for node in tree_nodes]].reset_index(drop=True)
    answer["depth"] = pd.Series([node.depth for node in tree_nodes], dtype="int64")
    answer["orphan"] = pd.Series([node.orphan for node in tree_nodes], dtype="bool")
    answer["cyclic"] = pd.Series([node.cyclic for node in tree_nodes], dtype="bool")
    answer["self_ms"] = pd.Series([node.self_ns for node in tree_nodes], dtype="float64") / 1e6
    answer["start_offset_ms"] = (answer["timestamp"] - (answer["timestamp"].min() if len(answer) else 0)) / 1e6
    return paging.named(answer, _TREE, rows)


def children(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    trace_id: str,
    span_id: str,
    after: str | None = None,
    size: int = 500,
    attributes: tuple[str, ...] = (),
) -> DataFrame:
    """The rows directly under one call, by start, with the columns of `page`; `after` is used as there.

    Window and group are ignored.

    Raises:
        BadParameter: a parameter has an invalid value.
    """
    del window, group
    size = checks.checked_int("size", size, 1, ROW_CAP)
    after_row = cursor(after)
    parameters = {
        "trace_id": checks.text("trace_id", trace_id),
        "span_id": checks.text("span_id", span_id),
        "after_ns": after_row and after_row.timestamp,
        "after_id": after_row and after_row.id,
        "size": size + 1,
        "longest": paging.LONGEST_CELL,
        "with_attributes": int(bool(attributes)),
    }
    return paging.paged(engine.lookup("traces/children", parameters), size, attributes)


def attributes(engine: Engine, window: Window, *, group: str | None = None, id: int, size: int = 500) -> DataFrame:  # noqa: A002 - as in row
    """The first `size` attributes of the row `id`, in their order: `name`, `type` (OpenTelemetry's name) and `value`.

    `attrs["truncated"]` says whether it has more. Texts longer than 65,536 characters are cut. If the log's text is not
    JSON, it is the value of the only attribute. Window and group are ignored.
    """
    del window, group
    size = checks.checked_int("size", size, 1, ROW_CAP)
    stored = engine.lookup("traces/attributes", {"id": id})
    parts = attribute.parts(stored["attributes"].iloc[0] if len(stored) else None)
    items = attribute.items(parts["attributes"]) if "attributes" in parts else []
    cells = [
        (name[: paging.LONGEST_CELL], attribute.kind(value), attribute.as_text(value)[: paging.LONGEST_CELL])
        for name, value in items[:size]
    ]
    answer = DataFrame(cells, columns=["name", "type", "value"], dtype="object")
    answer.attrs = {**stored.attrs, "truncated": len(items) > size}
    return answer


def row(engine: Engine, window: Window, *, group: str | None = None, id: int) -> DataFrame:  # noqa: A002 - the log's own name
    """All columns of the row `id`: one row, or none; cells over 1 MiB are cut; window and group are ignored."""
    del window, group
    answer = engine.lookup("traces/row", {"id": id})
    answer["duration_ms"] = answer["duration_ns"].astype("float64") / 1e6
    return answer


def _python_values(column: Series) -> list[Any]:
    """The cells as Python's own types; None for missing ones."""
    return column.astype(object).where(column.notna(), None).tolist()
