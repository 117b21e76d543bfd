"""The plain view of the log: its rows in the seven canonical columns, read-only, with a filter by text and level."""

import re
from typing import Any, Final

import streamlit as st
from pandas import DataFrame, Series, notna

from obs_core import theme
from obs_core.model import CANONICAL
from obs_core.query.filters.row_filter import LEVELS, RowFilter
from obs_core.query.questions import traces
from obs_core.settings import from_environment
from obs_core.ui.explorer import log_pages
from obs_core.ui.explorer.row_card import row_suggestions, text_box
from obs_core.ui.explorer.search_progress import progress
from obs_core.ui.kit import formatting, navigation, table, width
from obs_core.ui.kit.fold import value_of
from obs_core.ui.kit.text import plain
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.panel import suggest_rules
from obs_core.ui.shell.scope import PageScope

SIZES: Final = ("100", "500", "2000", "10000")
SELECTED: Final = "l_row"
"""The parameter of the link with the id of the selected row."""

_ID: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
LONGEST: Final = 2_000  # characters of a cell
ROLES: Final = {
    "TRACE": "muted",
    "DEBUG": "muted",
    "INFO": "accent",
    "WARN": "stale",
    "ERROR": "error",
    "FATAL": "error",
}
"""The role of each level, which has its colour."""

WIDTHS: Final = {
    "Process": 130,
    "Data": 190,
    "Data Type": 80,
    "Data Value": 140,
    "Timestamp": 170,
    "Status": 66,
    "Exception": 300,
}

NARROW: Final = {"Data": 110, "Status": 56, "Duration": 66, "Exception": 98}
"""The first columns on a phone; the others are to the right of them."""


def active_texts() -> list[str]:
    """The filters that are set, for the line that folds them on a narrow page."""
    search, level = value_of("l_q"), value_of("l_level")
    texts = [f"Text: {plain(search, 40)}"] if search else []
    texts += [f"Level from {plain(level, 10)}"] if level else []
    return texts or ["none"]


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
        level = st.selectbox(
            "Level from",
            list(LEVELS),
            index=None,
            key="l_level",
            bind="query-params",
            placeholder="All rows",
            width=130,
            help="Log records of at least this level. Failed calls and values count as ERROR.",
        )
        size = st.selectbox("Rows", SIZES, key="l_size", bind="query-params", width=100)
    return RowFilter(search=search or None, level=level), int(size)


def deprecation(row_filter: RowFilter) -> None:
    """Say that this page will be removed, with a link to the same rows in the Trace Explorer (OBS_ROLLOUT)."""
    settings = from_environment()
    if settings.rollout != "deprecated" or not settings.new_observability:
        return
    with st.container(key="l_deprecated_notice", horizontal=True, vertical_alignment="center", gap="small"):
        st.warning("This page will be removed. The Trace Explorer shows the same rows.", icon=":material/schedule:")
        navigation.page_link("trace_explorer", label="Open these rows there", t_q=row_filter.search)


def raw_rows(scope: PageScope, row_filter: RowFilter, size: int) -> None:
    """Draw a page of the rows that match `row_filter`.

    A click puts the row's id into the link; the row appears in full above the table.
    """
    selected = st.container()
    after = log_pages.cursor_in_link(scope.from_text, scope.to_text, scope.group, row_filter, size)
    rows = ask(traces.page, scope, row_filter=row_filter, size=size, after=after)
    note = progress(rows)
    if rows.empty:
        empty = "No rows in this window contain this text." if row_filter.search else "No rows in this window."
        empty = empty if row_filter.level is None else f"{empty[:-1]} or have this level."
        st.info(f"{note} Choose a shorter window." if note else empty, icon=":material/inbox:")
        return
    texts = DataFrame({name: [plain(cell, LONGEST) for cell in rows[name]] for name in CANONICAL})
    texts["Timestamp"] = [formatting.format_time(int(ns)) for ns in rows["Timestamp"]]
    if width.is_narrow():
        texts["Duration"] = [formatting.duration(formatting.number(ms)) for ms in rows["duration_ms"]]
    if rows["severity"].notna().any():
        texts.insert(0, "Level", [[name] if name else [] for name in levels(rows)])
    linked, ids = st.query_params.get(SELECTED), table.ids_of(rows, "id")
    selected_ids = [] if linked is None else [(linked,)]
    clicked = table.clickable(
        texts, ids, key="l_rows", selected=selected_ids, columns=_columns(), narrow=NARROW, most=23, above=300
    )
    if clicked is not None:
        navigation.update_link(**{SELECTED: clicked[0]})
    with selected:
        _selected_row(scope)
    more = "; older rows are on the next pages" if rows.attrs.get("truncated") else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        text = f"{formatting.count(len(rows))} rows, newest first{more}. {note}".strip()
        st.caption(text, width="stretch")
        log_pages.buttons(rows, after)


def levels(rows: DataFrame) -> list[str]:
    """The level of each row: that of its severity; ERROR for a failed row without one; else empty."""
    return [
        _level(int(severity)) if notna(severity) else "ERROR" if status == "ERROR" else ""
        for severity, status in zip(rows["severity"], rows["Status"], strict=True)
    ]


def _level(severity: int) -> str:
    return next((name for name, lowest in reversed(LEVELS.items()) if severity >= lowest), "")


def _columns() -> dict[str, Any]:
    """The widths of the columns, and the colours of the levels."""
    dark = st.context.theme.type == "dark"
    colours = [theme.ROLES[ROLES[name]][dark] for name in LEVELS]
    return {**WIDTHS, "Level": st.column_config.MultiselectColumn(width=84, options=list(LEVELS), color=colours)}


def _selected_row(scope: PageScope) -> None:
    """The row in the link in full, with links to its trace and function and the rules that can be created from it."""
    row_id = st.query_params.get(SELECTED)
    if row_id is None:
        return
    rows = ask(traces.row, scope, id=int(row_id)) if _ID.fullmatch(row_id) else None
    if rows is None or rows.empty:
        st.caption("The linked row is not in this log.")
        return
    row = rows.iloc[0]
    with st.container(border=True, key="l_selected"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            title = " · ".join(filter(None, (plain(row[name], 200) for name in ("process", "data"))))
            time = formatting.format_time(int(row["timestamp"]))
            st.markdown(f"**{time}** {formatting.escape_markdown(title)}", width="stretch")
            if from_environment().new_observability:  # without it there are no other pages
                _links(row)
                suggest_rules("Rules", lambda: row_suggestions(scope, row))
            st.button("Close", icon=":material/close:", type="tertiary", key="l_close", on_click=_close)
        text_box("Value", row["data_value"])
        text_box("Exception", row["exception_stack"] or row["exception"])


def _links(row: "Series[Any]") -> None:
    """Links to the trace of the row and to its function."""
    if row["trace_id"]:
        span = row["span_id"] or f"row-{row['id']}"
        icon = navigation.ICONS["trace_explorer"]
        navigation.page_link("trace_explorer", label="Open its trace", icon=icon, trace=row["trace_id"], span=span)
    if function := row["function"] or (row["data"] if row["kind"] == "call" else None):
        icon = navigation.ICONS["code_inspector"]
        navigation.page_link("code_inspector", label="Open its function", icon=icon, f_fn=function)


def _close() -> None:
    navigation.update_link(**{SELECTED: None})
