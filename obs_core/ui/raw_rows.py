"""The plain view of the log: its newest rows in the seven canonical columns, read-only, with a text filter."""

from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.model import CANONICAL
from obs_core.ui import frame, table
from obs_core.ui.looked import looked
from obs_core.ui.plain import plain

SIZES: Final = ("100", "500", "2000", "10000")
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


def raw_rows(rows: DataFrame, search: str | None) -> None:
    """Draw `rows`, the answer of `traces.page`; `search` is what they were filtered by."""
    further = looked(rows)
    if rows.empty:
        nothing = "No row in this window holds this text." if search else "No row in this window."
        st.info(f"{further} Choose a shorter one in the sidebar." if further else nothing, icon=":material/inbox:")
        return
    shown = DataFrame({name: [plain(cell, LONGEST) for cell in rows[name]] for name in CANONICAL})
    shown["Timestamp"] = [frame.moment(int(ns)) for ns in rows["Timestamp"]]
    st.dataframe(
        shown,
        key="l_rows",
        hide_index=True,
        height=min(720, 40 + table.ROW_HEIGHT * len(shown)),
        row_height=table.ROW_HEIGHT,
        column_config={name: st.column_config.Column(width=width) for name, width in WIDTHS.items()},
    )
    more = "; older ones are not shown" if rows.attrs.get("truncated") else ""
    st.caption(f"{frame.count(len(rows))} rows, newest first{more}. {further}".strip())
