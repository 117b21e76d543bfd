"""Facets of the matching rows: for each field that can be filtered, its values and how often they occur."""

from dataclasses import asdict, replace
from typing import Any, Final

import pandas as pd
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import QuestionTimedOut
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks
from obs_core.query.filters.row_filter import ALL_ROWS, RowFilter
from obs_core.query.filters.search import search_rows

FACETS: Final = ("group", "process", "function", "status", "exception_type", "data_type")
NEWEST: Final = 100_000  # rows that are counted; grouping them takes 200 ms
NEWEST_WITH_ATTRIBUTES: Final = 5_000  # rows; their attributes are parsed
LONGEST_VALUE: Final = 200  # characters of an attribute's value
LIMIT_S: Final = 1.0
_COLUMN: Final = {"group": "process_group"}


def facets(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    row_filter: RowFilter = ALL_ROWS,
    values: int = 10,
) -> DataFrame:
    """The most frequent values of each facet (at most `values`): facet, value, rows; most rows first.

    A facet ignores the filter on its own field, so that its other values stay visible; all other filters apply. If more
    than 100,000 rows match, only the newest of them are counted and `attrs["newest"]` is True. `attrs["timed_out"]`
    names the facets that could not be counted within a second.

    Raises:
        BadParameter: a parameter has an invalid value.
    """
    values = checks.checked_int("values", values, 1, 1_000)
    values_by_field = asdict(row_filter) | {"group": group, "status": row_filter.status or row_filter.errors}
    filtered = [name for name in FACETS if values_by_field[name]]
    counts: list[DataFrame] = []
    timed_out: list[str] = []
    newest = truncated = False
    for names in (tuple(name for name in FACETS if name not in filtered), *((name,) for name in filtered)):
        try:
            counted = _counted(engine, window, None if "group" in names else group, _without(row_filter, names))
        except QuestionTimedOut:
            timed_out += names
            continue
        newest = newest or int(counted["rows"].sum()) > NEWEST
        truncated = truncated or bool(counted.attrs["truncated"])
        counts += [_facet(counted, name, values) for name in names]
    answer = pd.concat(counts, ignore_index=True) if counts else DataFrame(columns=["facet", "value", "rows"])
    answer["rows"] = answer["rows"].astype("int64")
    answer.attrs = {"truncated": truncated, "approximate": False, "newest": newest, "timed_out": tuple(timed_out)}
    return answer


def attributes(
    engine: Engine,
    window: Window,
    *,
    group: str | None = None,
    row_filter: RowFilter = ALL_ROWS,
    names: int = 6,
    values: int = 10,
) -> DataFrame:
    """The most frequent attributes of the matching rows with their most frequent values: name, value, rows.

    Only the newest 5,000 matching rows that have attributes are counted. Attributes that differ in every row, such as
    ids, are left out, and so are values longer than 200 characters.

    Raises:
        BadParameter: a parameter has an invalid value.
        QuestionTimedOut: it takes longer than a second.
    """
    names, values = (
        checks.checked_int(name, given, 1, 1_000) for name, given in (("names", names), ("values", values))
    )
    parameters = {"newest": NEWEST_WITH_ATTRIBUTES, "longest": LONGEST_VALUE}
    counted = search_rows(engine, "facets/attributes", window, row_filter, parameters, group=group, limit_s=LIMIT_S)
    by_name = counted.groupby("name", sort=True)["rows"].agg(["sum", "max", "size"])
    repeated = by_name[(by_name["max"] > 1) | (by_name["size"] == 1)]
    first = repeated.sort_values(["sum", "size"], ascending=[False, True], kind="stable").head(names).index
    order = {name: at for at, name in enumerate(first)}
    listed = counted[counted["name"].isin(order)]
    listed = listed.assign(at=listed["name"].map(order)).sort_values(
        ["at", "rows", "value"], ascending=[True, False, True], kind="stable"
    )
    answer = listed.groupby("at", sort=False).head(values)[["name", "value", "rows"]].reset_index(drop=True)
    answer.attrs = dict(counted.attrs)
    return answer


def _counted(engine: Engine, window: Window, group: str | None, row_filter: RowFilter) -> DataFrame:
    parameters = {"newest": NEWEST + 1}
    return search_rows(engine, "facets/facets", window, row_filter, parameters, group=group, limit_s=LIMIT_S)


def _without(row_filter: RowFilter, names: tuple[str, ...]) -> RowFilter:
    """The filter without the conditions of the facets `names`."""
    cleared: dict[str, Any] = {name: None for name in names if name != "group"}
    if "status" in names:
        cleared["errors"] = False
    return replace(row_filter, **cleared)


def _facet(counted: DataFrame, name: str, values: int) -> DataFrame:
    column = _COLUMN.get(name, name)
    known = counted[counted[column].notna() & (counted[column] != "")]
    summed = known.groupby(column, sort=True)["rows"].sum().sort_values(ascending=False, kind="stable").head(values)
    return DataFrame({"facet": name, "value": summed.index.astype(object), "rows": summed.to_numpy()})
