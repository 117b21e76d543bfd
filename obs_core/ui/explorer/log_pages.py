"""The pages of the Logs page: the cursor in the link, and the buttons to older and newer rows."""

from collections.abc import Hashable
from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.errors import BadParameter
from obs_core.query.filters.cursor import cursor
from obs_core.ui.kit import navigation

AFTER: Final = "l_after"
_NEWER: Final = "logs_newer"  # cursor of a page -> the one of the page before it
_PAGED: Final = "logs_paged"


def cursor_in_link(*paged: Hashable) -> str | None:
    """The cursor in the link; None (the newest rows) once what is `paged` (scope, filter, size) is different."""
    token = st.query_params.get(AFTER)
    try:
        cursor(token)
        is_valid = st.session_state.get(_PAGED, paged) == paged
    except BadParameter:
        is_valid = False
    st.session_state[_PAGED] = paged
    if not is_valid:
        navigation.update_link(**{AFTER: None})
    return token if is_valid else None


def buttons(rows: DataFrame, after: str | None) -> None:
    """Draw the buttons to the newest, the newer and the older rows than `rows`, the page at `after`."""
    newer = st.session_state.get(_NEWER, {})
    older = rows.attrs.get("next")
    st.button("Newest", on_click=_go_to, args=(None, None), disabled=after is None, key="l_newest")
    st.button("Newer", on_click=_go_to, args=(newer.get(after), None), disabled=after not in newer, key="l_newer")
    st.button("Older", on_click=_go_to, args=(older, after), disabled=older is None, key="l_older")


def _go_to(target: str | None, before: str | None) -> None:
    """Show the page at `target`; for callbacks. `before` is the page that it is older than."""
    if target is not None:
        st.session_state.setdefault(_NEWER, {}).setdefault(target, before)
    navigation.update_link(**{AFTER: target})
