"""Which rows, exactly: pages of them, one row, and a trace as a tree. All narrow: an index and a keyset each."""

from typing import Any, Final

import pandas as pd
from pandas import DataFrame, Series

from obs_core.clock import Window
from obs_core.errors import QuestionTimedOut
from obs_core.model import CANONICAL, ROW_CAP
from obs_core.query.analysis import attributes as attribute
from obs_core.query.analysis import trace_tree as shape
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks
from obs_core.query.filters.cursor import BEFORE_ALL, Cursor, cursor
from obs_core.query.filters.piecewise_search import search_page
from obs_core.query.filters.row_filter import ALL_ROWS, RowFilter
from obs_core.query.filters.search import search_rows

LONGEST_CELL: Final = 65_536  # characters of a text in a page or a tree; `row` gives all of it
LARGEST_TREE: Final = 50_000  # rows of one trace
COUNTED: Final = 100_000  # rows that `total` counts before it says that there are more
COUNTING_S: Final = 1.0  # seconds that `total` counts before it says so
SORTS: Final = ("time", "-time", "duration", "-duration", "process", "-process", "status", "-status")

_PAGE: Final = (
    *("id", *CANONICAL, "trace_id", "span_id", "parent_span_id", "process_group", "duration_ms", "has_children"),
    *("kind", "function", "memory_delta", "has_attributes"),
)
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
    """The rows that fit, a page of at most `size` (up to 10,000) of them.

    `sort` is time (newest first), duration (longest first), process (A to Z) or status (errors first); `-` before it
    turns it round.
    `after` is `attrs["next"]` of the page before; it is None on the last page, and `attrs["truncated"]` says whether
    more rows fit, or may fit: where looking through the window takes long, the rows found by then are told, and
    `attrs["looked_to_ns"]`, the moment to which it was looked through. Texts longer than 65,536 characters are cut.
    Each of `attributes` becomes a column `attributes.<name>` with its text, null where the row lacks it.

    Raises:
        BadParameter: a parameter is none of what it may be.
    """
    size = checks.checked_int("size", size, 1, ROW_CAP)
    falling = checks.choice("sort", sort, SORTS).startswith("-") == (sort.lstrip("-") == "process")
    after_row = cursor(after)
    key = sort.lstrip("-")
    parameters: dict[str, object] = {
        "size": size + 1,
        "longest": LONGEST_CELL,
        "with_attributes": int(bool(attributes)),
        "after_ns": after_row and after_row.timestamp,
        "after_id": after_row and after_row.id,
    }
    if key == "time":
        question = "traces/page" if falling else "traces/page_oldest"
        left = _left(window, after_row, falling=falling)
        found = search_page(engine, question, left, row_filter, parameters, newest_first=falling, group=group)
    else:
        keyed = {"sort": key, "falling": int(falling), "after_key": after_row and after_row.key}
        found = search_rows(engine, "traces/page_sorted", window, row_filter, parameters | keyed, group=group)
    return _paged(found, size, attributes)


def total(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    row_filter: RowFilter = ALL_ROWS,
    most: int = COUNTED,
) -> DataFrame:
    """How many rows fit, in one row: `rows`, and `exact`: False where there are more than that (over `most`).

    Counting stops after a second, too; then only the rows that are known of are told: none.

    Raises:
        BadParameter: a parameter is none of what it may be.
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
    """One trace as a tree, depth first, siblings by start; it is shown whole, whatever window and group are.

    Roots and orphans (`orphan`: the parent is not there) have depth 1. `self_ms` is the duration without the union of
    the children's intervals, each clipped to the call. `cyclic` marks the row where a circle of parents was cut open.
    Of a trace of more than 50,000 rows the first ones are told, and `attrs["truncated"]` says so.
    """
    del window, group
    parameters = {"trace_id": checks.text("trace_id", trace_id), "longest": LONGEST_CELL}
    rows = engine.lookup("traces/tree", parameters, row_cap=LARGEST_TREE)
    columns = (_known(rows[name]) for name in ("span_id", "parent_span_id", "timestamp", "duration_ns"))
    nodes = [
        shape.Node(own or None, parent or None, start, None if duration is None else int(duration))
        for own, parent, start, duration in zip(*columns, strict=True)
    ]
    places = shape.places(nodes)
    found = rows.iloc[[place.row for place in places]].reset_index(drop=True)
    found["depth"] = pd.Series([place.depth for place in places], dtype="int64")
    found["orphan"] = pd.Series([place.orphan for place in places], dtype="bool")
    found["cyclic"] = pd.Series([place.cyclic for place in places], dtype="bool")
    found["self_ms"] = pd.Series([place.self_ns for place in places], dtype="float64") / 1e6
    found["start_offset_ms"] = (found["timestamp"] - (found["timestamp"].min() if len(found) else 0)) / 1e6
    return _named(found, _TREE, rows)


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
    """The rows directly under one call, by start, in the columns of `page`; `after` goes on as there.

    They are shown whatever window and group are.

    Raises:
        BadParameter: a parameter is none of what it may be.
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
        "longest": LONGEST_CELL,
        "with_attributes": int(bool(attributes)),
    }
    return _paged(engine.lookup("traces/children", parameters), size, attributes)


def attributes(engine: Engine, window: Window, *, group: str | None = None, id: int, size: int = 500) -> DataFrame:  # noqa: A002 - as in row
    """The first `size` attributes of the row `id` in their order: `name`, `type` (as OpenTelemetry names it), `value`.

    `attrs["truncated"]` says whether it has more. Texts longer than 65,536 characters are cut. Where the log's text is
    no JSON, it is the value of the only one. Window and group don't matter.
    """
    del window, group
    size = checks.checked_int("size", size, 1, ROW_CAP)
    found = engine.lookup("traces/attributes", {"id": id})
    held = attribute.parts(found["attributes"].iloc[0] if len(found) else None)
    items = attribute.items(held["attributes"]) if "attributes" in held else []
    cells = [
        (name[:LONGEST_CELL], attribute.kind(value), attribute.worded(value)[:LONGEST_CELL])
        for name, value in items[:size]
    ]
    answer = DataFrame(cells, columns=["name", "type", "value"], dtype="object")
    answer.attrs = {**found.attrs, "truncated": len(items) > size}
    return answer


def row(engine: Engine, window: Window, *, group: str | None = None, id: int) -> DataFrame:  # noqa: A002 - the log's own name
    """Everything that the log holds of the row `id`, uncut: one row, or none; window and group don't matter."""
    del window, group
    found = engine.lookup("traces/row", {"id": id})
    found["duration_ms"] = found["duration_ns"].astype("float64") / 1e6
    return found


def _left(window: Window, after: Cursor | None, *, falling: bool) -> Window:
    """What is left of the window after a row: with it as a bound, a deep page costs what the first one does."""
    if after is None:
        return window
    if falling:
        return Window(window.from_ns, min(window.to_ns, after.timestamp + 1))
    return Window(max(window.from_ns, after.timestamp), window.to_ns)


def _paged(found: DataFrame, size: int, attributes: tuple[str, ...]) -> DataFrame:
    """The first `size` rows of `found` with their `attributes`, and where the next page begins if there are more."""
    more = len(found) > size or bool(found.attrs.get("truncated"))
    shown = found.head(size)
    claims = {name: shown[name].astype(bool) for name in ("has_children", "has_attributes")}
    named = _named(shown, _PAGE, found, **claims)
    if attributes:
        parts = [attribute.named(text) for text in shown["attributes"]]
        for name in attributes:
            values = [part.get(name) for part in parts]
            cells = [None if value is None else attribute.worded(value) for value in values]
            named[f"attributes.{name}"] = Series(cells, named.index, dtype="object")
    last = shown.iloc[-1] if more else None
    if (looked_to := found.attrs.get("looked_to_ns")) is not None:
        named.attrs |= {"truncated": True, "next": Cursor(None, looked_to, BEFORE_ALL).token}
    elif last is None:
        named.attrs |= {"truncated": False, "next": None}
    else:
        key = last.get("sort_key")
        key = key if isinstance(key, str | None) else int(key)
        named.attrs |= {"truncated": True, "next": Cursor(key, int(last["timestamp"]), int(last["id"])).token}
    return named


def _known(column: Series) -> list[Any]:
    """The cells as Python's own kinds; None where there is nothing."""
    return column.astype(object).where(column.notna(), None).tolist()


def _named(found: DataFrame, columns: tuple[str, ...], source: DataFrame, **changed: "Series[Any]") -> DataFrame:
    """`found` in these columns, some `changed`: durations in ms, the seven as people name them.

    What is known of `source` stays known.
    """
    duration_ms = found["duration_ns"].astype("float64") / 1e6
    held = [CANONICAL.get(name, name) for name in columns]
    named = found.assign(duration_ms=duration_ms, **changed)[held].set_axis(list(columns), axis="columns")
    named.attrs = dict(source.attrs)
    return named
