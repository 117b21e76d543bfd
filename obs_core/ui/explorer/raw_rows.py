"""The plain view of the log: its newest rows in the seven canonical columns, read-only, with a text filter."""

import re
from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.model import CANONICAL
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import traces
from obs_core.settings import from_environment
from obs_core.ui.explorer.row_card import row_suggestions
from obs_core.ui.explorer.search_progress import progress
from obs_core.ui.kit import formatting, navigation, table
from obs_core.ui.kit.text import plain
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.panel import suggest_rules
from obs_core.ui.shell.scope import PageScope

SIZES: Final = ("100", "500", "2000", "10000")
SELECTED: Final = "l_row"
"""The parameter of the link with the id of the selected row."""

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


def text_filter() -> tuple[RowFilter, int]:
    """Draw the controls; return the filter and how many rows are shown."""
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
    return RowFilter(search=search or None), int(size)


def deprecation(row_filter: RowFilter) -> None:
    """Say that this page will be removed, with a link to the same rows in the Trace Explorer (OBS_ROLLOUT)."""
    settings = from_environment()
    if settings.rollout != "deprecated" or not settings.new_observability:
        return
    with st.container(key="l_deprecated_notice", horizontal=True, vertical_alignment="center", gap="small"):
        st.warning("This page will be removed. The Trace Explorer shows the same rows.", icon=":material/schedule:")
        navigation.page_link("trace_explorer", label="Open these rows there", t_q=row_filter.search)


def raw_rows(scope: PageScope, rows: DataFrame, row_filter: RowFilter) -> None:
    """Draw `rows`, the answer of `traces.page` for `row_filter`.

    A click puts the row's id into the link; the rules that can be created from the row appear above the table.
    """
    selected = st.container()
    note = progress(rows)
    if rows.empty:
        empty = "No rows in this window contain this text." if row_filter.search else "No rows in this window."
        st.info(f"{note} Choose a shorter window in the sidebar." if note else empty, icon=":material/inbox:")
        return
    texts = DataFrame({name: [plain(cell, LONGEST) for cell in rows[name]] for name in CANONICAL})
    texts["Timestamp"] = [formatting.format_time(int(ns)) for ns in rows["Timestamp"]]
    linked, ids = st.query_params.get(SELECTED), table.ids_of(rows, "id")
    selected_ids = [] if linked is None else [(linked,)]
    clicked = table.clickable(texts, ids, key="l_rows", selected=selected_ids, columns=WIDTHS, most=23)
    if clicked is not None:
        navigation.update_link(**{SELECTED: clicked[0]})
    with selected:
        _selected_row(scope)
    more = "; older rows are not shown" if rows.attrs.get("truncated") else ""
    st.caption(f"{formatting.count(len(rows))} rows, newest first{more}. {note}".strip())


def _selected_row(scope: PageScope) -> None:
    """The row in the link with the rules that can be created from it; nothing without one."""
    row_id = st.query_params.get(SELECTED)
    if row_id is None or not from_environment().new_observability:  # without it no page can create a rule
        return
    rows = ask(traces.row, scope, id=int(row_id)) if _ID.fullmatch(row_id) else None
    if rows is None or rows.empty:
        st.caption("The linked row is not in this log.")
        return
    row = rows.iloc[0]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        text = " · ".join(filter(None, (plain(row[name], 200) for name in ("process", "data", "data_value"))))
        st.markdown(
            f"**{formatting.format_time(int(row['timestamp']))}** {formatting.escape_markdown(text)}", width="content"
        )
        suggest_rules("Rules", lambda: row_suggestions(scope, row))
