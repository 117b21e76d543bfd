"""Pages of rows: their order, their columns, and the cursor of the next page."""

from typing import Any, Final

from pandas import DataFrame, Series

from obs_core.clock import Window
from obs_core.model import CANONICAL
from obs_core.query.analysis import attributes as attribute
from obs_core.query.filters import checks
from obs_core.query.filters.cursor import BEFORE_ALL, Cursor

LONGEST_CELL: Final = 65_536  # characters of a text in a page or a tree; `traces.row` has all of it
_BY_NAME: Final = ("process", "data", "data_type", "exception")
SORTS: Final = tuple(f"{sign}{key}" for key in ("time", "duration", "status", *_BY_NAME) for sign in ("", "-"))
"""The orders of pages; those by name are from A to Z, the others begin with the highest."""

_PAGE: Final = (
    *("id", *CANONICAL, "trace_id", "span_id", "parent_span_id", "process_group", "duration_ms", "has_children"),
    *("kind", "function", "memory_delta", "has_attributes", "severity"),
)


def is_descending(sort: str) -> bool:
    """Whether the order `sort` begins with the highest key.

    Raises:
        BadParameter: there is no such order.
    """
    return checks.choice("sort", sort, SORTS).startswith("-") == (sort.lstrip("-") in _BY_NAME)


def remaining(window: Window, after: Cursor | None, *, descending: bool) -> Window:
    """The rest of the window after a row; with it as a bound, a deep page is as cheap as the first."""
    if after is None:
        return window
    if descending:
        return Window(window.from_ns, min(window.to_ns, after.timestamp + 1))
    return Window(max(window.from_ns, after.timestamp), window.to_ns)


def paged(answer: DataFrame, size: int, attributes: tuple[str, ...]) -> DataFrame:
    """The first `size` rows of `answer` with their `attributes`, and the cursor of the next page if there is one."""
    first = answer.head(size)
    flags = {name: first[name].astype(bool) for name in ("has_children", "has_attributes")}
    rows = named(first, _PAGE, answer, **flags)
    if attributes:
        parts = [attribute.named(text) for text in first["attributes"]]
        for name in attributes:
            values = [part.get(name) for part in parts]
            cells = [None if value is None else attribute.as_text(value) for value in values]
            rows[f"attributes.{name}"] = Series(cells, rows.index, dtype="object")
    next_token = next_page(answer, size)
    rows.attrs |= {"truncated": next_token is not None, "next": next_token}
    return rows


def next_page(answer: DataFrame, size: int) -> str | None:
    """The cursor of the page after the first `size` rows of `answer`; None if they are the last ones.

    `answer` has one row more if there are more, with their `timestamp`, `id` and, except by time, `sort_key`.
    """
    if (looked_to := answer.attrs.get("looked_to_ns")) is not None:
        return Cursor(None, looked_to, BEFORE_ALL).token
    if len(answer) <= size and not answer.attrs.get("truncated"):
        return None
    last = answer.head(size).iloc[-1]
    key = last.get("sort_key")
    key = key if isinstance(key, str | None) else int(key)
    return Cursor(key, int(last["timestamp"]), int(last["id"])).token


def named(answer: DataFrame, columns: tuple[str, ...], source: DataFrame, **changed: "Series[Any]") -> DataFrame:
    """`answer` with these columns, some `changed`: durations in ms, the seven canonical ones by their titles.

    The answer has the `attrs` of `source`.
    """
    duration_ms = answer["duration_ns"].astype("float64") / 1e6
    selected = [CANONICAL.get(name, name) for name in columns]
    rows = answer.assign(duration_ms=duration_ms, **changed)[selected].set_axis(list(columns), axis="columns")
    rows.attrs = dict(source.attrs)
    return rows
