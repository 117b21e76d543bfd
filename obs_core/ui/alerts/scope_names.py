"""The names of the window that a rule can be limited to: processes, groups, variables and functions."""

from typing import Final

from pandas import Series

from obs_core.alerts.rules.kinds import KINDS
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import functions, overview, traces, values
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

SCOPE_NAMES: Final = ("process", "group", "data", "function")
NEWEST: Final = 500  # calls with the names that are suggested


def scope_names(field: str, kind: str, scope: PageScope) -> list[str]:
    """Return the names for a field of `SCOPE_NAMES` of a rule of this kind, the most frequent first.

    Raises:
        ObsError: the log can't say.
    """
    if field in ("process", "group"):
        rows = ask(overview.processes, scope)
        return _by_count(rows["process" if field == "process" else "process_group"], rows["rows"])
    if field == "data" and KINDS[kind].reads == "values":
        series = ask(values.series, scope)
        return _by_count(series["data"], series["readings"])
    if field == "data":  # grouping all calls by their names would take as long as the slowest panel
        calls = ask(traces.page, scope, row_filter=RowFilter(kind="call"), size=NEWEST)
        return _by_count(calls["Data"], calls["Data"].notna().astype("int64"))
    calls = ask(functions.list_, scope)
    return _by_count(calls["function"], calls["calls"])


def _by_count(names: "Series[str]", counts: "Series[int]") -> list[str]:
    summed = counts.groupby(names, sort=True).sum().sort_values(ascending=False, kind="stable")
    return [str(name) for name in summed.index if name]
