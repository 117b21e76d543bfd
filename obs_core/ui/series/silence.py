"""Processes that stopped writing: which they are, and the rules and the card for them."""

from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.clock import MINUTE
from obs_core.query.questions import overview, values
from obs_core.ui.kit import formatting, table
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import rule_suggestions
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

SILENT_AFTER_NS: Final = 5 * MINUTE


def silent_processes(scope: PageScope) -> list[str]:
    """The processes of the window that wrote nothing in the last 5 minutes before its end, or before the newest row."""
    return _silent(ask(overview.processes, scope), scope.window.to_ns)


def _silent(found: DataFrame, until: int) -> list[str]:
    if found.empty:
        return []
    latest = min(until, int(found["last_ns"].max()))
    return sorted(str(name) for name in found.loc[found["last_ns"] < latest - SILENT_AFTER_NS, "process"])


def silence_suggestions(scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    """For each process that is silent now, a rule on its silence; one for all where none is."""
    reads = set(ask(values.series, scope)["process"])
    names = silent_processes(scope)[: rule_suggestions.MOST]
    suggestions = [rule_suggestions.silent(name, of="values" if name in reads else "calls") for name in names]
    return suggestions or [rule_suggestions.silent(group=scope.group)]


def silent_card(scope: PageScope) -> None:
    """The processes of the window that stopped writing, with their newest row."""
    names = silent_processes(scope)
    found = ask(overview.processes, scope)
    if not names:
        st.caption(
            f"None of {formatting.count(len(found))}: each wrote within the last 5 minutes of the window's data."
        )
        return
    silent = found[found["process"].isin(names)].sort_values("last_ns")
    st.dataframe(
        {
            "Process": [plain(name, 200) for name in silent["process"]],
            "Group": [plain(name, 200) for name in silent["process_group"]],
            "Newest row": [formatting.format_time(int(ns)) for ns in silent["last_ns"]],
        },
        hide_index=True,
        row_height=table.ROW_HEIGHT,
    )
