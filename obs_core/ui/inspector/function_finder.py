"""Finds a function among all traced ones: by a part of its name, or from the top of a list."""

from typing import Final

import numpy as np
import streamlit as st
from pandas import DataFrame

from obs_core.query.questions import functions
from obs_core.ui.kit import navigation
from obs_core.ui.kit.fold import foldable, value_of
from obs_core.ui.kit.table import clickable, ids_of, rounded
from obs_core.ui.kit.text import counted, plain
from obs_core.ui.shell import exactness
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

BEST: Final = 50
"""Functions in the list: the browser never gets all of 50,000."""

ORDERS: Final = {
    "Most time": "total_ms",
    "Most called": "calls",
    "Slowest": "p95_ms",
    "Most errors": "errors",
    "Most changed": "changed",
}

_COLUMNS: Final = {
    "Function": st.column_config.TextColumn(width=330),
    "Calls": st.column_config.NumberColumn(format="localized", width=80),
    "Errors": st.column_config.NumberColumn(format="localized", width=72),
    "Error rate": st.column_config.NumberColumn(format="percent", width=84),
    "P95 (ms)": st.column_config.NumberColumn(format="localized", width=92),
    "Total (s)": st.column_config.NumberColumn(format="localized", width=92),
}


def function_finder(scope: PageScope) -> None:
    """Draw the search and the top functions; a selected function is set in the link."""
    sought, shown_order = value_of("f_q"), value_of("f_order") or next(iter(ORDERS))
    title = f"Name: {plain(sought, 40)}" if sought else "all functions"
    with foldable([title, plain(shown_order, 20)], key="f_fold", horizontal=True):
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
            "Order", list(ORDERS), default="Most time", required=True, key="f_order", bind="query-params"
        )
    by = ORDERS[order or "Most time"]
    everything = _changed(scope) if by == "changed" else ask(functions.list_, scope)
    table, matches = best(everything, text or "", by)
    if table.empty:
        st.info("No function with this name ran in this window." if text else _empty_note(by))
        return
    ids = ids_of(table, "function", "process_group")
    clicked = clickable(
        _shown(table),
        ids,
        key="f_pick",
        columns=_COLUMNS,
        narrow={"Function": 190, "Errors": 60, "P95 (ms)": 80},
        most=14,
        above=300,
    )
    best_of = f"the first {BEST} of " if matches > BEST else ""
    st.caption(f"{best_of}{counted(matches, 'function')}".capitalize())
    exactness.switch(scope, functions.list_)
    if clicked is not None:
        choose(clicked[0])
        st.rerun()


def best(everything: DataFrame, text: str, order: str) -> tuple[DataFrame, int]:
    """Return the first `BEST` functions with `text` in their names, highest `order` first, and how many match."""
    needle = text.strip().casefold()
    matching = everything[np.array([needle in str(name).casefold() for name in everything["function"]], dtype=bool)]
    ordered = matching.sort_values([order, "calls"], ascending=False, kind="stable")
    return ordered.head(BEST).reset_index(drop=True), len(matching)


def choose(function: str | None) -> None:
    """Set the function in the link, or remove it."""
    st.session_state.pop("f_line", None)
    navigation.update_link(f_version=None, f_older=None, f_newer=None, f_fn=function)


def _changed(scope: PageScope) -> DataFrame:
    """The functions with a significant P95 change; `changed` is its factor, up or down."""
    changes = ask(functions.changes, scope)
    changes = changes[changes["notable"]]
    return changes.assign(changed=changes["change"].where(changes["change"] >= 1, 1 / changes["change"]))


def _empty_note(order: str) -> str:
    if order == "changed":
        return "No significant P95 change against the window before."
    return "No calls in this window."


def _shown(table: DataFrame) -> DataFrame:
    shown = DataFrame(
        {
            "Function": [plain(name, 300) for name in table["function"]],
            "Group": [plain(name, 100) for name in table["process_group"]],
            "Calls": table["calls"],
            "Errors": table["errors"],
            "Error rate": table["errors"] / table["calls"],
            "P95 (ms)": rounded(table["p95_ms"]),
            "Total (s)": rounded(table["total_ms"] / 1e3),
        }
    )
    if "changed" in table:
        shown.insert(3, "P95 change", [f"{change - 1:+.0%}" for change in table["change"]])
        shown.insert(4, "P95 before (ms)", rounded(table["p95_before_ms"]))
    return shown
