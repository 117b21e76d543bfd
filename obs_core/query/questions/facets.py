"""What the rows that fit have in common: for each way to narrow them further, the values there are and how often."""

from typing import Final, Unpack

import pandas as pd
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import QuestionTimedOut
from obs_core.query.engine.engine import Engine
from obs_core.query.filters import checks
from obs_core.query.filters.row_filter import Wanted
from obs_core.query.filters.search import search_rows

FACETS: Final = ("group", "process", "function", "status", "exception_type", "data_type")
NEWEST: Final = 100_000  # rows that are counted; grouping them takes 200 ms
LIMIT_S: Final = 1.0
_COLUMN: Final = {"group": "process_group"}


def facets(engine: Engine, window: Window, *, values: int = 10, **wanted: Unpack[Wanted]) -> DataFrame:
    """For each facet its most frequent values (at most `values`): facet, value, rows; most rows first.

    A facet's own filter does not narrow it, so that its other values can be seen; all other filters do. Where more
    than 100,000 rows fit, the newest of them are counted and `attrs["newest"]` is True. `attrs["timed_out"]` names the
    facets that could not be counted within a second.

    Raises:
        BadParameter: a parameter is none of what it may be.
    """
    values = checks.checked_int("values", values, 1, 1_000)
    own = [name for name in FACETS if wanted.get(name) or (name == "status" and wanted.get("errors"))]
    found: list[DataFrame] = []
    timed_out: list[str] = []
    newest = truncated = False
    for names in (tuple(name for name in FACETS if name not in own), *((name,) for name in own)):
        try:
            counted = _counted(engine, window, _without(wanted, names))
        except QuestionTimedOut:
            timed_out += names
            continue
        newest = newest or int(counted["rows"].sum()) > NEWEST
        truncated = truncated or bool(counted.attrs["truncated"])
        found += [_facet(counted, name, values) for name in names]
    answer = pd.concat(found, ignore_index=True) if found else DataFrame(columns=["facet", "value", "rows"])
    answer["rows"] = answer["rows"].astype("int64")
    answer.attrs = {"truncated": truncated, "approximate": False, "newest": newest, "timed_out": tuple(timed_out)}
    return answer


def _counted(engine: Engine, window: Window, wanted: Wanted) -> DataFrame:
    return search_rows(engine, "facets/facets", window, wanted, {"newest": NEWEST + 1}, limit_s=LIMIT_S)


def _without(wanted: Wanted, names: tuple[str, ...]) -> Wanted:
    """`wanted` without the own filters of the facets `names`."""
    left = wanted.copy()
    for name in names:
        left.pop(name, None)  # type: ignore[misc]
    if "status" in names:
        left.pop("errors", None)
    return left


def _facet(counted: DataFrame, name: str, values: int) -> DataFrame:
    column = _COLUMN.get(name, name)
    known = counted[counted[column].notna() & (counted[column] != "")]
    summed = known.groupby(column, sort=True)["rows"].sum().sort_values(ascending=False, kind="stable").head(values)
    return DataFrame({"facet": name, "value": summed.index.astype(object), "rows": summed.to_numpy()})
