"""What the table lists: one row per trace, all rows, or the roots; the control and its parameter in the link.

A link names the view unless it follows from its other parameters: links from before there were views have parameters of
a table of rows, and show one.
"""

from dataclasses import replace
from typing import Final

import streamlit as st

from obs_core.query.filters.row_filter import RowFilter
from obs_core.ui.explorer.filter_link import OF_ROWS, VIEWS
from obs_core.ui.kit import navigation

TRACES, ROWS, ROOTS = VIEWS
PARAMETER: Final = "t_view"
_CONTROL: Final = "t_show"


def read_link() -> None:
    """Take the view from the address; for full runs."""
    linked = st.query_params.get(PARAMETER)
    st.session_state[_CONTROL] = linked if linked in VIEWS else _implied()


def selected() -> str:
    """The view that the reader selected, one of `VIEWS`."""
    return str(st.session_state.get(_CONTROL) or _implied())


def draw() -> None:
    """Draw the control, and put the view into the link where it does not follow from the rest of it."""
    st.segmented_control("Show", VIEWS, key=_CONTROL, required=True, label_visibility="collapsed")
    view = selected()
    navigation.update_link(**{PARAMETER: None if view == _implied() else view})


def limited(row_filter: RowFilter) -> RowFilter:
    """`row_filter` with what the view adds to it."""
    return replace(row_filter, roots=True) if selected() == ROOTS else row_filter


def _implied() -> str:
    """The view of a link that does not name one."""
    return ROWS if any(name in st.query_params for name in OF_ROWS) else TRACES
