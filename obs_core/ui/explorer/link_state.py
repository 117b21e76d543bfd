"""The parameters of the Trace Explorer's link that belong to no control, kept in the session.

The browser sends its address with each request. A refresh that it sent before a slow answer to a click arrived carries
the address from before that click, and would undo it: the selected row and the expanded rows would be lost. So a
refresh (a run of the page's fragment alone) takes these parameters from the session; only a full run, which an opened
link, Back and Forward start, takes them from the address.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import streamlit as st

from obs_core.ui.kit import navigation

PARAMETERS: Final = ("trace", "span", "t_row", "t_open", "t_level", "t_after", "t_page", "t_view")
_STORED: Final = "explorer_link"


def read_link() -> None:
    """Take the parameters from the address; for full runs."""
    st.session_state[_STORED] = {name: st.query_params.get(name) for name in PARAMETERS}


@contextmanager
def in_session() -> Iterator[None]:
    """Within it, the address has the session's parameters; changes go to both. For fragments and callbacks."""
    navigation.update_link(**st.session_state.get(_STORED, {}))
    yield
    read_link()
