"""The plain view of the log: its newest rows in the seven canonical columns, read-only, with a text filter."""

import re
from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.model import CANONICAL
from obs_core.query.questions import traces
from obs_core.settings import from_environment
from obs_core.ui.explorer.row_card import row_suggestions
from obs_core.ui.explorer.search_progress import looked
from obs_core.ui.kit import formatting, table
from obs_core.ui.kit.text import plain
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.panel import suggest_rules
from obs_core.ui.shell.scope import PageScope

SIZES: Final = ("100", "500", "2000", "10000")
PICKED: Final = "l_row"
"""The parameter of the link that names a row."""

_ID: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
LONGEST: Final = 2_000  # characters of a cell
WIDTHS: Final = {
    "Process": 130,
    "Data": 190,
    "Data Type": 80,
    "Data Value": 140,
    "Timestamp": 170,
    "Status": 66,
    "Exception": 300,
}


def wanted() -> tuple[str | None, int]:
    """Draw the filter; return the text (None for all rows) and how many rows are shown."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        search = st.text_input(
            "Text filter",
            key="l_q",
            bind="query-params",
            live="300ms",
            max_chars=1_000,
            placeholder="Text in process, data, value or exception",
            icon=":material/search:",
            width=320,
        )
        size = st.selectbox("Rows", SIZES, key="l_size", bind="query-params", width=100)
    return search or None, int(size)


def raw_rows(scope: PageScope, rows: DataFrame, search: str | None) -> None:
    """Draw `rows`, the answer of `traces.page`; `search` is what they were filtered by.

    A click names the row in the link; above the table stands what can be made of it.
    """
    picked = st.container()
    further = looked(rows)
    if rows.empty:
        nothing = "No row in this window holds this text." if search else "No row in this window."
        st.info(f"{further} Choose a shorter one in the sidebar." if further else nothing, icon=":material/inbox:")
        return
    shown = DataFrame({name: [plain(cell, LONGEST) for cell in rows[name]] for name in CANONICAL})
    shown["Timestamp"] = [formatting.format_time(int(ns)) for ns in rows["Timestamp"]]
    place = table.newly_selected("l_rows", table.clickable(shown, key="l_rows", columns=WIDTHS, most=23))
    if place is not None:
        st.query_params[PICKED] = str(rows["id"].iloc[place])
    with picked:
        _picked_row(scope)
    more = "; older ones are not shown" if rows.attrs.get("truncated") else ""
    st.caption(f"{formatting.count(len(rows))} rows, newest first{more}. {further}".strip())


def _picked_row(scope: PageScope) -> None:
    """The row that the link names, and the rules that can be made of it; nothing where it names none."""
    name = st.query_params.get(PICKED)
    if name is None or not from_environment().new_observability:  # without it there is no page to make a rule on
        return
    found = ask(traces.row, scope, id=int(name)) if _ID.fullmatch(name) else None
    if found is None or found.empty:
        st.caption("The log holds no row of the link's number.")
        return
    row = found.iloc[0]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        said = " · ".join(filter(None, (plain(row[name], 200) for name in ("process", "data", "data_value"))))
        st.markdown(
            f"**{formatting.format_time(int(row['timestamp']))}** {formatting.escape_markdown(said)}", width="content"
        )
        suggest_rules("Rules", lambda: row_suggestions(scope, row))
