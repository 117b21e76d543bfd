"""The view of the trace or row in the link: a wide panel over the table, or the whole page.

It is drawn before the table, in a container that is always there, and its style sheet places it over the page.
"""

import html
from typing import Final

import streamlit as st
from pandas import DataFrame
from streamlit.delta_generator import DeltaGenerator

from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import traces
from obs_core.ui.explorer import link_state
from obs_core.ui.explorer.export_menu import trace_menu
from obs_core.ui.explorer.row_card import row_card
from obs_core.ui.explorer.trace_panel import title_of, trace_panel
from obs_core.ui.explorer.trace_table import close, select
from obs_core.ui.kit import navigation
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import pause
from obs_core.ui.shell.answers import ask, derived
from obs_core.ui.shell.panel import boundary
from obs_core.ui.shell.scope import PageScope
from obs_core.ui.shell.share import share

WHOLE: Final = "t_page"
"""The link's parameter: the view covers the whole page."""


def selection_view(scope: PageScope) -> DeltaGenerator | None:
    """Draw the view of the trace or row in the link; return where `list_tools` go, or None without a selection."""
    trace, row = st.query_params.get("trace"), st.query_params.get("t_row")
    if not trace:
        navigation.update_link(t_tab=None, t_level=None)
    if not trace and row and not (row.isascii() and row.isdigit()):
        navigation.update_link(t_row=None)  # the filter bar shows a notice
        row = None
    if not trace and not row:
        navigation.update_link(**{WHOLE: None})
        return None
    whole = st.query_params.get(WHOLE) == "true"
    with st.container(key="t_view_page" if whole else "t_view"):
        with st.container(key="t_view_head", horizontal=True, vertical_alignment="center", gap="xsmall"):
            title = st.container(width="stretch")
            tools = _tools(scope, trace, whole=whole)
        with boundary("Trace" if trace else "Selected row"):
            if trace:
                _trace(scope, title, trace)
            else:
                _title(title, "Selected row")
                row_card(scope, int(str(row)[:18]))
    return tools


def list_tools(tools: DeltaGenerator, scope: PageScope, row_filter: RowFilter, rows: DataFrame) -> None:
    """Draw what belongs to the list behind the view: whether it is paused, and its traces before and after this one.

    `rows` are those of the page, with their `trace_id`.
    """
    ids = list(dict.fromkeys(rows["trace_id"].dropna()))
    trace = st.query_params.get("trace")
    at = ids.index(trace) if trace in ids else None
    before = ids[at - 1] if at else None
    after = ids[at + 1] if at is not None and at + 1 < len(ids) else None
    with tools:
        pause.note(scope, row_filter)
        for name, icon, key, target in (
            ("Previous trace", "keyboard_arrow_up", "t_previous_trace", before),
            ("Next trace", "keyboard_arrow_down", "t_next_trace", after),
        ):
            st.button(name, icon=f":material/{icon}:", key=key, on_click=_open, args=(target,), disabled=target is None)


def _tools(scope: PageScope, trace: str | None, *, whole: bool) -> DeltaGenerator:
    """The buttons of the view; return the container for those of the list."""
    tools = st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content")
    if trace:
        trace_menu(trace)
    share(scope, key="t_share")
    name, icon = ("Show the table", "right_panel_open") if whole else ("Whole page", "fullscreen")
    st.button(name, icon=f":material/{icon}:", key="t_whole", on_click=_resize, args=(not whole,))
    st.button("Close", icon=":material/close:", on_click=close, key="t_close")
    return tools


def _trace(scope: PageScope, title: DeltaGenerator, trace_id: str) -> None:
    tree = ask(traces.tree, scope, trace_id=trace_id)
    if tree.empty:
        _title(title, f"Trace {plain(trace_id, 40)}")
        st.info("Trace not found in this log. It may have been deleted or be in another log.")
        return
    _title(title, derived(title_of, tree))
    trace_panel(scope, trace_id, tree, st.query_params.get("span"))


def _title(title: DeltaGenerator, text: str) -> None:
    title.html(f"<h2 class='obs-view-title'>{html.escape(text)}</h2>")


@link_state.in_session()
def _open(trace_id: str) -> None:
    """Show another trace of the list; for callbacks."""
    select(trace_id)


@link_state.in_session()
def _resize(whole: bool) -> None:  # noqa: FBT001 - the argument of a callback
    navigation.update_link(**{WHOLE: "true" if whole else None})
