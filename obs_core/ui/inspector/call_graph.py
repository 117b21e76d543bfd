"""The callers and callees of a function, as tables and as links in its source."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

import streamlit as st
from pandas import DataFrame

from obs_core.ui.inspector.function_finder import choose
from obs_core.ui.kit import formatting
from obs_core.ui.kit.table import clickable, ids_of, rounded
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import rule_suggestions
from obs_core.ui.shell.scope import PageScope

_SUGGESTED: Final = 2  # callers, with three rules each
_COLUMNS: Final = {
    "Function": st.column_config.TextColumn(width=170),
    "Calls": st.column_config.NumberColumn(format="localized", width=60),
    "Errors": st.column_config.NumberColumn(format="localized", width=58),
    "P95 (ms)": st.column_config.NumberColumn(format="localized", width=72),
    "Share of time": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1, width=100),
}


def neighbours(rows: DataFrame, *, key: str, empty: str, total_ms: float | None) -> None:
    """Draw callers or callees with their share of `total_ms`; a click opens the function."""
    if rows.empty:
        st.caption(empty)
        return
    shown = DataFrame(
        {
            "Function": [plain(name, 200) for name in rows["function"]],
            "Calls": rows["calls"],
            "Errors": rows["errors"],
            "P95 (ms)": rounded(rows["p95_ms"]),
            "Share of time": rows["total_ms"] / total_ms if total_ms else None,
        }
    )
    clicked = clickable(shown, ids_of(rows, "function"), key=key, columns=_COLUMNS)
    if clicked is not None:
        choose(clicked[0])
        st.rerun()


def caller_suggestions(scope: PageScope, callers: DataFrame) -> list[rule_suggestions.RuleSuggestion]:
    """Suggest rules on the error rate, latency and throughput of the first callers.

    The numbers of a caller describe the calls that it made, so they are not limits for the caller itself.
    """
    return [
        suggestion
        for name in callers["function"].astype(str).head(_SUGGESTED)
        for suggestion in (
            rule_suggestions.error_rate(scope, None, function=name),
            rule_suggestions.other_latency(scope, function=name),
            rule_suggestions.throughput(scope, function=name),
        )
    ]


def callee_suggestions(scope: PageScope, callees: DataFrame) -> list[rule_suggestions.RuleSuggestion]:
    """Suggest rules on the error rate and latency of the first callees, with limits from their numbers."""
    return [
        suggestion
        for row in callees.head(rule_suggestions.MOST // 2).to_dict("records")
        for suggestion in (
            rule_suggestions.error_rate(scope, row["errors"] / row["calls"], function=str(row["function"])),
            *rule_suggestions.latency(scope, formatting.number(row["p95_ms"]), function=str(row["function"])),
        )
    ]


def self_share(measures: DataFrame) -> str:
    """Return a sentence with the share of self time."""
    now = measures[~measures["earlier"].astype(bool)]
    total, alone = (formatting.number(now[name].iloc[0]) if len(now) else None for name in ("total_ms", "self_ms"))
    if not total or alone is None:
        return ""
    return f"Self time is {formatting.share(alone / total)} of the total; the rest is time in callees"


def links(callees: Iterable[str], function: str, scope: PageScope) -> dict[str, str]:
    """Return the links of the callees by the names that the source uses: a class by its own name.

    If two callees share a name, the first gets the link. A link opens a new page, so it contains the window.
    """
    controls = {"from": scope.from_text, "to": scope.to_text} | ({"group": scope.group} if scope.group else {})
    addresses: dict[str, str] = {}
    for callee in callees:
        name = _name(callee)
        if callee != function and name:
            addresses.setdefault(name, f"code_inspector?{urlencode(controls | {'f_fn': callee})}")
    return addresses


def _name(function: str) -> str:
    *outer, last = function.rsplit(".", 2)
    return outer[-1] if last in ("__init__", "__call__", "__new__") and outer else last
