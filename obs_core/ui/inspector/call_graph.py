"""Who calls a function and whom it calls, as tables and as links in its source."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

import streamlit as st
from pandas import DataFrame

from obs_core.ui.inspector.function_finder import choose
from obs_core.ui.kit import formatting
from obs_core.ui.kit.table import clickable, rounded
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import rule_suggestions
from obs_core.ui.shell.scope import PageScope

_OFFERED: Final = 2  # callers, with three rules each
_COLUMNS: Final = {
    "Function": st.column_config.TextColumn(width=170),
    "Calls": st.column_config.NumberColumn(format="localized", width=60),
    "Errors": st.column_config.NumberColumn(format="localized", width=58),
    "P95 (ms)": st.column_config.NumberColumn(format="localized", width=72),
    "Share of time": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1, width=100),
}


def neighbours(found: DataFrame, *, key: str, nothing: str, total_ms: float | None) -> None:
    """Callers or callees with their share of `total_ms`; a row that is clicked opens that function."""
    if found.empty:
        st.caption(nothing)
        return
    shown = DataFrame(
        {
            "Function": [plain(name, 200) for name in found["function"]],
            "Calls": found["calls"],
            "Errors": found["errors"],
            "P95 (ms)": rounded(found["p95_ms"]),
            "Share of time": found["total_ms"] / total_ms if total_ms else None,
        }
    )
    place = clickable(shown, key=key, columns=_COLUMNS)
    if place is not None:
        choose(str(found["function"].iloc[place]))
        st.rerun()


def caller_suggestions(scope: PageScope, found: DataFrame) -> list[rule_suggestions.RuleSuggestion]:
    """For each of the first callers, rules on how often it fails, how long it takes and how much it does.

    The figures beside a caller are those of the calls that it made, so they are no limits for itself.
    """
    return [
        suggestion
        for name in found["function"].astype(str).head(_OFFERED)
        for suggestion in (
            rule_suggestions.error_rate(scope, None, function=name),
            rule_suggestions.other_latency(scope, function=name),
            rule_suggestions.throughput(scope, function=name),
        )
    ]


def callee_suggestions(scope: PageScope, found: DataFrame) -> list[rule_suggestions.RuleSuggestion]:
    """For each of the first callees, rules on how often it fails and how long it takes, limited by its figures."""
    return [
        suggestion
        for row in found.head(rule_suggestions.MOST // 2).to_dict("records")
        for suggestion in (
            rule_suggestions.error_rate(scope, row["errors"] / row["calls"], function=str(row["function"])),
            *rule_suggestions.latency(scope, formatting.number(row["p95_ms"]), function=str(row["function"])),
        )
    ]


def self_share(measures: DataFrame) -> str:
    """How much of its time the function spent in itself, in words."""
    now = measures[~measures["earlier"].astype(bool)]
    total, alone = (formatting.number(now[name].iloc[0]) if len(now) else None for name in ("total_ms", "self_ms"))
    if not total or alone is None:
        return ""
    return f"{formatting.share(alone / total)} of its time it spent in itself, the rest in what it called"


def links(callees: Iterable[str], function: str, scope: PageScope) -> dict[str, str]:
    """Addresses of the callees by the words that name them in the source: a class by its own name.

    Where two callees share a word, the first has it. A link opens the page anew, so it carries the window.
    """
    controls = {"from": scope.from_text, "to": scope.to_text} | ({"group": scope.group} if scope.group else {})
    found: dict[str, str] = {}
    for callee in callees:
        word = _word(callee)
        if callee != function and word:
            found.setdefault(word, f"code_inspector?{urlencode(controls | {'f_fn': callee})}")
    return found


def _word(function: str) -> str:
    *outer, last = function.rsplit(".", 2)
    return outer[-1] if last in ("__init__", "__call__", "__new__") and outer else last
