"""Silent processes: which stopped writing, a card with them, and suggested rules."""

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
    """Return the processes without rows in the last 5 minutes of the window, or before the newest row."""
    return silent_names(ask(overview.processes, scope), scope.window.to_ns)


def silent_names(processes: DataFrame, end_ns: int) -> list[str]:
    """Return the names of the silent ones among `processes` (the answer of `overview.processes`)."""
    if processes.empty:
        return []
    latest = min(end_ns, int(processes["last_ns"].max()))
    return sorted(str(name) for name in processes.loc[processes["last_ns"] < latest - SILENT_AFTER_NS, "process"])


def silence_suggestions(scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    """Suggest a rule for each silent process, or one for all processes if none is silent."""
    with_values = set(ask(values.series, scope)["process"])
    names = silent_processes(scope)[: rule_suggestions.MOST]
    suggestions = [rule_suggestions.silent(name, of="values" if name in with_values else "calls") for name in names]
    return suggestions or [rule_suggestions.silent(group=scope.group)]


def silent_card(scope: PageScope) -> None:
    """Draw the silent processes of the window with their newest row."""
    names = silent_processes(scope)
    processes = ask(overview.processes, scope)
    if not names:
        st.caption(
            f"No silent processes: all {formatting.count(len(processes))} wrote in the last 5 minutes of the data."
        )
        return
    silent = processes[processes["process"].isin(names)].sort_values("last_ns")
    st.dataframe(
        {
            "Process": [plain(name, 200) for name in silent["process"]],
            "Group": [plain(name, 200) for name in silent["process_group"]],
            "Newest row": [formatting.format_time(int(ns)) for ns in silent["last_ns"]],
        },
        hide_index=True,
        row_height=table.ROW_HEIGHT,
    )
