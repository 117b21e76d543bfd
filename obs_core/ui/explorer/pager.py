"""The pages of the table: their size, the cursor in the link, and the buttons to other pages."""

from collections.abc import Hashable
from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.errors import BadParameter
from obs_core.query.filters.cursor import cursor
from obs_core.ui.explorer import link_state
from obs_core.ui.explorer.filter_link import SIZES
from obs_core.ui.kit import formatting, navigation
from obs_core.ui.kit.text import counted

SIZE: Final = "100"
PAGES: Final = "explorer_pages"  # cursor of a page -> cursors of the pages before it, also after Back
PAGED: Final = "explorer_paged"  # the scope, filter, order and size of these pages


def cursor_in_link(*paged: Hashable) -> str | None:
    """The cursor in the link; None (the first page) once what is `paged` (scope, filter, order …) is different."""
    if st.session_state.get(PAGED, paged) != paged:
        navigation.update_link(t_after=None)
        st.session_state.pop(PAGES, None)
    st.session_state[PAGED] = paged
    token = st.query_params.get("t_after")
    try:
        cursor(token)
    except BadParameter:  # the filter bar shows a notice
        navigation.update_link(t_after=None)
        return None
    return token


def rows_per_page() -> int:
    """Rows per page."""
    label = "Rows per page"
    size = st.selectbox(
        label, SIZES, index=SIZES.index(SIZE), key="t_size", bind="query-params", width=84, label_visibility="collapsed"
    )
    return int(size)


def page_buttons(page: DataFrame) -> None:
    """The buttons to other pages."""
    next_page = page.attrs.get("next")
    before = pages_before(st.query_params.get("t_after"))
    st.button("First page", on_click=_go_to, args=("first", None), disabled="t_after" not in st.query_params)
    st.button("Previous", on_click=_go_to, args=("back", None), disabled=not before)
    st.button("Next", on_click=_go_to, args=("next", next_page), disabled=next_page is None)


@link_state.in_session()
def _go_to(target: str, next_page: str | None) -> None:
    """Go to the first page, back to the previous one, or to `next_page`; for callbacks."""
    now = st.query_params.get("t_after")
    before, after = pages_before(now), None
    if target == "back":
        after = before[-1] if before else None
    elif target == "next":
        after = next_page
        st.session_state.setdefault(PAGES, {})[next_page] = (*before, now)
    navigation.update_link(t_after=after)


def pages_before(after: str | None) -> tuple[str | None, ...]:
    """The cursors of the pages before the one at `after`; none if it was not reached from the first page."""
    known: dict[str | None, tuple[str | None, ...]] = st.session_state.get(PAGES, {})
    return known.get(after, ())


def count_text(total: DataFrame, shown: int, before: int, noun: str) -> str:
    """The number of matching rows or traces (`noun`); at least that many where counting stopped."""
    rows, exact = int(total["rows"].iloc[0]), bool(total["exact"].iloc[0])
    text = counted(rows, noun) if exact else f"more than {formatting.count(rows or shown)} {noun}s"
    first = "t_after" not in st.query_params
    page = f" · page {before + 1}" if first or before else ""
    return text if exact and rows == shown else f"{text}{page} · {formatting.count(shown)} on this page"
