"""Rows that match a filter, also where they are rare: a slow search goes through the worker's search text first.

SQLite reads by index and stops once a page is full, so frequent text costs a few ms (`search_in_sqlite`). Text that is
in few rows or in none costs it the whole window (a million rows: 0.9 s); the worker's case-folded copy of the same rows
takes 15 ms (`search_in_mirror`). Where no copy helps (filters on attributes, logs too long for a copy), a page is
searched piece by piece (`filters.piecewise_search`).
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import QuestionTimedOut
from obs_core.query.engine import search_text
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.conditions import by_ids, where_clause
from obs_core.query.filters.row_filter import RowFilter

AT_ONCE_S: Final = 0.03  # a page of frequent text takes 4 to 9 ms


def search_rows(
    engine: Engine,
    query_name: str,
    window: Window,
    row_filter: RowFilter,
    parameters: Mapping[str, object],
    *,
    group: str | None = None,
    limit_s: float | None = None,
) -> DataFrame:
    """The answer of a narrow query about the rows in `window` and `group` that match `row_filter`.

    Raises:
        ObsError: as `Engine.lookup`; a field of the filter has a value that it can't have.
    """
    if row_filter.search and engine.has_mirror and not engine.is_pruned(window):
        with suppress(QuestionTimedOut):
            return search_in_sqlite(engine, query_name, window, row_filter, parameters, group=group, limit_s=AT_ONCE_S)
        answer = search_in_mirror(engine, query_name, window, row_filter, parameters, group=group, limit_s=limit_s)
        if answer is not None:
            return answer
    return search_in_sqlite(engine, query_name, window, row_filter, parameters, group=group, limit_s=limit_s)


def search_in_sqlite(
    engine: Engine,
    query_name: str,
    window: Window,
    row_filter: RowFilter,
    parameters: Mapping[str, object],
    *,
    group: str | None = None,
    limit_s: float | None = None,
) -> DataFrame:
    """The answer from the log's indexes alone: quick where matching rows are frequent.

    Raises:
        ObsError: as `search_rows`.
    """
    where = where_clause(engine, window, row_filter, group=group)
    return engine.lookup(query_name, {**where.parameters, **parameters}, where_sql=where.sql, limit_s=limit_s)


def search_in_mirror(
    engine: Engine,
    query_name: str,
    window: Window,
    row_filter: RowFilter,
    parameters: Mapping[str, object],
    *,
    group: str | None = None,
    limit_s: float | None = None,
) -> DataFrame | None:
    """The answer from the rows that the worker's search text names: quick where matching rows are rare.

    None where the search text is not ready or names too many rows.

    Raises:
        ObsError: as `search_rows`.
    """
    exact = {
        "group": group or None,
        "process": row_filter.process or None,
        "status": "ERROR" if row_filter.errors else row_filter.status or None,
        "kind": row_filter.kind or None,
    }
    parameters_of_text = search_text.search_parameters(row_filter.search or "")
    candidates = engine.mirrored("traces/texts", window, {**exact, **parameters_of_text})
    if candidates is None or candidates.attrs["truncated"]:
        return None
    where = where_clause(engine, window, row_filter, group=group)
    where_sql = f"{by_ids(engine)} AND {where.sql}"
    ids = json.dumps(candidates["id"].tolist())
    return engine.lookup(
        query_name, {**where.parameters, **parameters, "ids": ids}, where_sql=where_sql, limit_s=limit_s
    )
