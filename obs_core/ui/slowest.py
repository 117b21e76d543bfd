"""The slowest functions of the window, and how they changed against the window before it."""

from dataclasses import replace
from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.query import functions
from obs_core.ui import links
from obs_core.ui import table as table_view
from obs_core.ui.ask import ask
from obs_core.ui.controls import Chosen
from obs_core.ui.plain import plain

SHOWN: Final = 12
LEAST_CALLS: Final = 5  # of both windows, for a change to be named


def slowest(chosen: Chosen) -> None:
    """Draw the functions with the highest P95; a click on one opens the Code Inspector."""
    before = replace(chosen, window=chosen.window.before())
    table = compared(ask(functions.performance, chosen), ask(functions.performance, before))
    if table.empty:
        st.caption("No call in this window was timed.")
        return
    shown = DataFrame(
        {
            "Function": [plain(name, 200) for name in table["function"]],
            "Group": [plain(name, 100) for name in table["process_group"]],
            "Calls": table["calls"],
            "Error rate": table["error_rate"],
            "P95 (ms)": table_view.rounded(table["p95_ms"]),
            "P95 before (ms)": table_view.rounded(table["p95_ms_before"]),
            "Change": table["change"],
        }
    )
    columns = {
        "Function": st.column_config.TextColumn(width=280),
        "Calls": st.column_config.NumberColumn(format="localized"),
        "Error rate": st.column_config.NumberColumn(format="percent"),
        "P95 (ms)": st.column_config.NumberColumn(format="localized"),
        "P95 before (ms)": st.column_config.NumberColumn(format="localized"),
        "Change": st.column_config.NumberColumn(
            format="percent", help=f"Given from {LEAST_CALLS} calls on in both windows."
        ),
    }
    place = table_view.clickable(shown, key="o_slowest", columns=columns)
    if place is not None:
        links.open_("code_inspector", f_fn=str(table["function"].iloc[place]))


def compared(now: DataFrame, before: DataFrame) -> DataFrame:
    """The slowest functions by P95 with their P95 before and the relative change (columns p95_ms_before, change)."""
    key = ["process_group", "function"]
    both = now.merge(before[[*key, "calls", "p95_ms"]], on=key, how="left", suffixes=("", "_before"))
    enough = (both["calls"] >= LEAST_CALLS) & (both["calls_before"] >= LEAST_CALLS) & (both["p95_ms_before"] > 0)
    both["change"] = (both["p95_ms"] / both["p95_ms_before"] - 1).where(enough)
    return both.dropna(subset=["p95_ms"]).nlargest(SHOWN, "p95_ms", keep="first").reset_index(drop=True)
