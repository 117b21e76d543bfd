"""The Trace Explorer's table: a page of rows, its expanded and selected rows, and buttons to other pages."""

from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.errors import BadParameter
from obs_core.query.filters.cursor import cursor
from obs_core.query.filters.row_filter import ALL_ROWS, RowFilter
from obs_core.query.questions import traces
from obs_core.ui.explorer import expanded_rows, link_state, pinned_columns
from obs_core.ui.explorer.filter_link import SIZES
from obs_core.ui.explorer.grid import Click, grid
from obs_core.ui.explorer.row_tree import ATTRIBUTE, MORE, owner, visible
from obs_core.ui.explorer.search_progress import progress
from obs_core.ui.kit import formatting, navigation
from obs_core.ui.shell import pause
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

SIZE: Final = "100"

EXPANDED: Final = "explorer_opened"  # path -> how many attributes and children it shows
LINKED: Final = "explorer_linked"  # `t_open` of the link for these
SELECTED: Final = "explorer_selected"  # path of the row that was clicked, and the link's parameters for it
PAGES: Final = "explorer_pages"  # cursor of a page -> cursors of the pages before it, also after Back
PAGED: Final = "explorer_paged"  # the scope, filter, order and size of these pages


def trace_table(scope: PageScope, row_filter: RowFilter, sort: str, pinned: tuple[str, ...]) -> None:
    """Draw the page of rows in the link, and the buttons to other pages.

    `pinned` are the columns after the canonical ones.
    """
    _store_expanded(_expanded())
    body = st.container()
    footer = st.container(horizontal=True, vertical_alignment="center", gap="small", key="t_footer")
    with footer:
        count = st.empty()
        pause.note(scope, row_filter)
        size = _size()
    after = _cursor_in_link(scope, row_filter, sort, size)
    names = pinned_columns.attributes(pinned)
    page = ask(traces.page, scope, row_filter=row_filter, sort=sort, size=size, after=after, attributes=names)
    with body:
        _rows(scope, row_filter, page, after, pinned)
    with footer:
        before = _pages_before(after)
        count.caption(_count(ask(traces.total, scope, row_filter=row_filter), len(page), len(before)), width="stretch")
        _page_buttons(page)


@link_state.in_session()
def clicked(click: Click) -> None:
    """Expand, collapse and select rows for a click, in the session and in the link."""
    expanded, path = _expanded(), owner(click.path, click.kind)
    if click.kind == MORE:
        expanded[path] = expanded.get(path, 0) + expanded_rows.STEP
    elif click.opens:
        expanded[path] = expanded_rows.STEP
    elif click.opens is False:
        expanded.pop(path, None)
    _store_expanded(expanded)
    if click.selects and click.kind != MORE:
        select(click.trace, click.span, path.rpartition("/")[2])
        st.session_state[SELECTED] = (path, _linked_row())


def select(trace: str = "", span: str = "", row: str = "") -> None:
    """Put the row into the link: its trace and span, or its id where it has no trace."""
    if trace != st.query_params.get("trace"):
        navigation.update_link(t_level=None)
    in_trace = bool(trace)
    navigation.update_link(
        trace=trace or None,
        span=(span or f"row-{row}") if in_trace else None,
        t_row=None if in_trace else row or None,
    )


@link_state.in_session()
def close() -> None:
    """Clear the selection."""
    st.session_state.pop(SELECTED, None)
    select()


def _expanded() -> dict[str, int]:
    """The expanded rows: those of the session, or those of a link that was opened since."""
    rows: dict[str, int] = st.session_state.get(EXPANDED, {})
    text = st.query_params.get("t_open")
    if text is None or text == st.session_state.get(LINKED):
        return rows
    try:
        return expanded_rows.read(text)
    except BadParameter:  # the filter bar shows a notice
        return rows


def _store_expanded(rows: dict[str, int]) -> None:
    """Store the expanded rows in the session and in the link."""
    st.session_state[EXPANDED] = rows
    text = st.session_state[LINKED] = expanded_rows.written(rows) or None
    navigation.update_link(t_open=text)


def _cursor_in_link(scope: PageScope, row_filter: RowFilter, sort: str, size: int) -> str | None:
    """The cursor in the link; None (the first page) once the scope, filter, order or size is a different one."""
    paged = (scope.from_text, scope.to_text, scope.group, row_filter, sort, size)
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


def _linked_row() -> tuple[str | None, ...]:
    """The parameters of the selected row in the link."""
    return tuple(st.query_params.get(name) for name in ("trace", "span", "t_row"))


def _clicked_path() -> str | None:
    """The path of the row that was clicked, as long as it is the one in the link."""
    path, linked = st.session_state.get(SELECTED, (None, None))
    return path if linked == _linked_row() else None


def _linked_path(rows: DataFrame) -> str | None:
    """The path of the first of `rows` that is the selected row of the link."""
    trace, span, row = _linked_row()
    row = row or (span or "").removeprefix("row-")
    by_span = (rows["trace"] == trace) & (rows["span"] == span) & (rows["span"] != "")
    in_log = ~rows["kind"].isin((ATTRIBUTE, MORE))
    paths = rows["path"][in_log & (by_span | (rows["path"].str.rpartition("/")[2] == row))]
    return str(paths.iloc[0]) if len(paths) else None


def _rows(scope: PageScope, row_filter: RowFilter, page: DataFrame, after: str | None, pinned: tuple[str, ...]) -> None:
    """The page's rows and their expanded children, or what to do where there are none."""
    if page.empty:
        _no_rows(row_filter, progress(page))
        return

    def children(trace: str, span: str, count: int) -> DataFrame:
        names = pinned_columns.attributes(pinned)
        return ask(traces.children, scope, trace_id=trace, span_id=span, size=count, attributes=names)

    def attributes(row: int, count: int) -> DataFrame:
        return ask(traces.attributes, scope, id=row, size=count)

    path = _clicked_path()
    rows = visible(page, _expanded(), children, attributes, selected=path, pinned=pinned)
    if path is None:
        rows["selected"] = rows["path"] == _linked_path(rows)
    grid(rows, page=after or "", pinned=pinned_columns.fields(pinned), key="t_grid", on_click=clicked)
    if note := progress(page):
        st.caption(f"{note} Press Next to continue from there.")


def _size() -> int:
    """Rows per page."""
    label = "Rows per page"
    size = st.selectbox(
        label, SIZES, index=SIZES.index(SIZE), key="t_size", bind="query-params", width=84, label_visibility="collapsed"
    )
    return int(size)


def _page_buttons(page: DataFrame) -> None:
    """The buttons to other pages."""
    next_page = page.attrs.get("next")
    before = _pages_before(st.query_params.get("t_after"))
    st.button("First page", on_click=_go_to, args=("first", None), disabled="t_after" not in st.query_params)
    st.button("Previous", on_click=_go_to, args=("back", None), disabled=not before)
    st.button("Next", on_click=_go_to, args=("next", next_page), disabled=next_page is None)


@link_state.in_session()
def _go_to(target: str, next_page: str | None) -> None:
    """Go to the first page, back to the previous one, or to `next_page`; for callbacks."""
    now = st.query_params.get("t_after")
    before, after = _pages_before(now), None
    if target == "back":
        after = before[-1] if before else None
    elif target == "next":
        after = next_page
        st.session_state.setdefault(PAGES, {})[next_page] = (*before, now)
    navigation.update_link(t_after=after)


def _pages_before(after: str | None) -> tuple[str | None, ...]:
    """The cursors of the pages before the one at `after`; none if it was not reached from the first page."""
    known: dict[str | None, tuple[str | None, ...]] = st.session_state.get(PAGES, {})
    return known.get(after, ())


def _count(total: DataFrame, shown: int, before: int) -> str:
    """The number of matching rows; at least that many where counting stopped."""
    rows, exact = int(total["rows"].iloc[0]), bool(total["exact"].iloc[0])
    text = (
        f"{formatting.count(rows)} row{'' if rows == 1 else 's'}"
        if exact
        else f"more than {formatting.count(rows or shown)} rows"
    )
    first = "t_after" not in st.query_params
    page = f" · page {before + 1}" if first or before else ""
    return text if exact and rows == shown else f"{text}{page} · {formatting.count(shown)} on this page"


def _no_rows(row_filter: RowFilter, note: str) -> None:
    if note:
        st.info(f"{note} Press Next to continue from there, or choose a shorter window in the sidebar.")
    elif "t_after" in st.query_params:
        st.info("No further rows. Go back to the first page.")
    elif row_filter == ALL_ROWS:
        st.info("No rows in this window. Choose a longer one, or the last hours of the log, in the sidebar.")
    else:
        st.info("No rows match these filters. Clear them, or choose a longer window in the sidebar.")
