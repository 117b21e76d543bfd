"""Find a function among all that were traced: type a part of its name, or take it from the top of a list."""

from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.query import functions
from obs_core.ui.ask import ask
from obs_core.ui.controls import Chosen
from obs_core.ui.table import clickable, rounded

BEST: Final = 50
"""Functions that the list holds: the browser never carries all of 50,000."""

ORDERS: Final = {
    "Most self time": "self_ms",
    "Most called": "calls",
    "Slowest": "p95_ms",
    "Most failing": "errors",
}


_COLUMNS: Final = {
    "function": st.column_config.TextColumn("Function"),
    "process_group": st.column_config.TextColumn("Group"),
    "calls": st.column_config.NumberColumn("Calls", format="localized", width=72),
    "errors": st.column_config.NumberColumn("Errors", format="localized", width=72),
    "error_rate": st.column_config.NumberColumn("Error rate", format="percent", width=84),
    "mean_ms": st.column_config.NumberColumn("Mean (ms)", format="localized", width=92),
    "p95_ms": st.column_config.NumberColumn("P95 (ms)", format="localized", width=92),
    "self_ms": st.column_config.NumberColumn("Self, all (ms)", format="localized", width=100),
}


def function_finder(chosen: Chosen) -> None:
    """Draw the search and the best functions; one that is picked goes into the link."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "Find a function",
            key="f_q",
            bind="query-params",
            live="300ms",
            max_chars=500,
            placeholder="Any part of its module, class or name",
            icon=":material/search:",
            width=380,
        )
        order = st.segmented_control(
            "Order", list(ORDERS), default="Most self time", required=True, key="f_order", bind="query-params"
        )
    table = best(ask(functions.performance, chosen), text or "", ORDERS[order or "Most self time"])
    if table.empty:
        st.info("No function that ran in this window has this in its name." if text else "No calls in this window.")
        return
    times = {name: rounded(table[name]) for name in table.columns if name.endswith("_ms")}
    place = clickable(table.assign(**times), key="f_pick", columns=_COLUMNS, most=14)
    if place is not None:
        choose(str(table["function"].iloc[place]))
        st.rerun()


def best(performance: DataFrame, text: str, order: str) -> DataFrame:
    """The first `BEST` functions with `text` in their names (whatever its case), the highest `order` first."""
    fits = performance["function"].str.casefold().str.contains(text.strip().casefold(), regex=False)
    ordered = performance[fits].sort_values([order, "calls"], ascending=False, kind="stable")
    return ordered[list(_COLUMNS)].head(BEST).reset_index(drop=True)


def choose(function: str | None) -> None:
    """Name the function in the link, or none."""
    st.session_state.pop("f_line", None)
    if function is None:
        st.query_params.pop("f_fn", None)
    else:
        st.query_params["f_fn"] = function
