"""The Trace Explorer's table: a page of rows, its expanded and selected rows, and buttons to other pages."""

from typing import Final, NamedTuple

import streamlit as st
from pandas import DataFrame

from obs_core.errors import BadParameter
from obs_core.query.filters.row_filter import ALL_ROWS, RowFilter
from obs_core.query.questions import trace_list, traces
from obs_core.ui.explorer import expanded_rows, link_state, pager, pinned_columns
from obs_core.ui.explorer.filter_link import SORT_NAMES, order_of, sort_of
from obs_core.ui.explorer.grid import Click, grid, look_of
from obs_core.ui.explorer.row_tree import ATTRIBUTE, MORE, owner, visible
from obs_core.ui.explorer.search_progress import progress
from obs_core.ui.kit import navigation
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

EXPANDED: Final = "explorer_opened"  # path -> how many attributes and children it shows
LINKED: Final = "explorer_linked"  # `t_open` of the link for these
SELECTED: Final = "explorer_selected"  # path of the row that was clicked, and the link's parameters for it


class _Look(NamedTuple):
    """How a page is drawn: the cursor that identifies it, its order, the pinned columns; whether it lists traces."""

    page: str
    sort: str
    pinned: tuple[str, ...]
    traces_only: bool


def trace_table(
    scope: PageScope, row_filter: RowFilter, sort: str, pinned: tuple[str, ...], *, traces_only: bool = False
) -> DataFrame:
    """Draw the page in the link, of rows or (`traces_only`) of traces, and the buttons to other pages; return it.

    `pinned` are the columns after the canonical ones.
    """
    _store_expanded(_expanded())
    body = st.container()
    footer = st.container(horizontal=True, vertical_alignment="center", gap="small", key="t_footer")
    with footer:
        count = st.empty()
        size = pager.rows_per_page()
    after = pager.cursor_in_link(scope.from_text, scope.to_text, scope.group, row_filter, sort, size, traces_only)
    names = pinned_columns.attributes(pinned)
    listed = trace_list if traces_only else traces
    page = ask(listed.page, scope, row_filter=row_filter, sort=sort, size=size, after=after, attributes=names)
    with body:
        _rows(scope, row_filter, page, _Look(after or "", sort, pinned, traces_only))
    with footer:
        total = ask(listed.total, scope, row_filter=row_filter)
        noun = "trace" if traces_only else "row"
        count.caption(pager.count_text(total, len(page), len(pager.pages_before(after)), noun), width="stretch")
        pager.page_buttons(page)
    return page


@link_state.in_session()
def clicked(click: Click) -> None:
    """Expand, collapse and select rows for a click, in the session and in the link."""
    if click.closes:
        close()
        return
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


def sort_by(order: str) -> None:
    """Sort by a column of the table, as in `Duration desc`; an empty text is the default order."""
    st.session_state["t_sort"] = SORT_NAMES[sort_of(order)]


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
        return expanded_rows.from_text(text)
    except BadParameter:  # the filter bar shows a notice
        return rows


def _store_expanded(rows: dict[str, int]) -> None:
    """Store the expanded rows in the session and in the link."""
    st.session_state[EXPANDED] = rows
    text = st.session_state[LINKED] = expanded_rows.to_text(rows) or None
    navigation.update_link(t_open=text)


def _linked_row() -> tuple[str | None, ...]:
    """The parameters of the selected row in the link."""
    return tuple(st.query_params.get(name) for name in ("trace", "span", "t_row"))


def _clicked_path() -> str | None:
    """The path of the row that was clicked, as long as it is the one in the link."""
    path, linked = st.session_state.get(SELECTED, (None, None))
    return path if linked == _linked_row() else None


def _linked_path(rows: DataFrame, *, traces_only: bool) -> str | None:
    """The path of the first of `rows` that is the selected row of the link; in a list of traces, of its trace."""
    trace, span, row = _linked_row()
    row = row or (span or "").removeprefix("row-")
    by_span = (rows["trace"] == trace) & (rows["span"] == span) & (rows["span"] != "")
    in_log = ~rows["kind"].isin((ATTRIBUTE, MORE))
    matches = by_span | (rows["path"].str.rpartition("/")[2] == row)
    if traces_only and not (in_log & matches).any():
        matches = (rows["trace"] == trace) & (rows["depth"] == 0)
    paths = rows["path"][in_log & matches]
    return str(paths.iloc[0]) if len(paths) else None


def _rows(scope: PageScope, row_filter: RowFilter, page: DataFrame, look: _Look) -> None:
    """The page's rows and their expanded children, or what to do where there are none."""
    if page.empty:
        _no_rows(row_filter, progress(page))
        return

    def children(trace: str, span: str, count: int) -> DataFrame:
        names = pinned_columns.attributes(look.pinned)
        return ask(traces.children, scope, trace_id=trace, span_id=span, size=count, attributes=names)

    def attributes(row: int, count: int) -> DataFrame:
        return ask(traces.attributes, scope, id=row, size=count)

    path = _clicked_path()
    rows = visible(page, _expanded(), children, attributes, selected=path, pinned=look.pinned)
    if path is None:
        rows["selected"] = rows["path"] == _linked_path(rows, traces_only=look.traces_only)
    grid(
        rows,
        page=look.page,
        look=look_of(rows, order=order_of(look.sort), traces=look.traces_only),
        pinned=pinned_columns.fields(look.pinned),
        key="t_grid",
        on_click=clicked,
        on_sort=sort_by,
    )
    if note := progress(page):
        st.caption(f"{note} Press Next to continue from there.")


def _no_rows(row_filter: RowFilter, note: str) -> None:
    if note:
        st.info(f"{note} Press Next to continue from there, or choose a shorter window.")
    elif "t_after" in st.query_params:
        st.info("No further rows. Go back to the first page.")
    elif row_filter == ALL_ROWS:
        st.info("No rows in this window. Choose a longer one, or the last hours of the log.")
    else:
        st.info("No rows match these filters. Clear them, or choose a longer window.")
