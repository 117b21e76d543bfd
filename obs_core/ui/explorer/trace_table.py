"""The Trace Explorer's table: a page of rows, what is open and chosen in it, and the way to further pages."""

from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.errors import BadParameter
from obs_core.query.filters.cursor import cursor
from obs_core.query.questions import traces
from obs_core.ui.explorer import expanded_rows, pinned_columns
from obs_core.ui.explorer.filter_link import SIZES, Filter
from obs_core.ui.explorer.grid import Click, grid
from obs_core.ui.explorer.row_tree import ATTRIBUTE, MORE, owner, visible
from obs_core.ui.explorer.search_progress import looked
from obs_core.ui.kit import formatting, navigation
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

SIZE: Final = "100"

OPENED: Final = "explorer_opened"  # path -> how many attributes and children it shows
LINKED: Final = "explorer_linked"  # what the link said of that
CHOSEN: Final = "explorer_chosen"  # path of the row that was clicked, and what the link said of it
PAGES: Final = "explorer_pages"  # where the pages before this one began
QUESTION: Final = "explorer_question"  # what the pages are of


def trace_table(scope: PageScope, wanted: Filter, sort: str, pinned: tuple[str, ...]) -> None:
    """Draw the page of rows that the link names, and the buttons to the pages around it.

    `pinned` are the columns beside the canonical ones.
    """
    _keep(_opened())
    body = st.container()
    footer = st.container(horizontal=True, vertical_alignment="center", gap="small", key="t_footer")
    with footer:
        count = st.empty()
        size = _size()
    after = _after(scope, wanted, sort, size)
    named = pinned_columns.attributes(pinned)
    page = ask(traces.page, scope, **wanted.parameters, sort=sort, size=size, after=after, attributes=named)
    with body:
        _rows(scope, wanted, page, after, pinned)
    with footer:
        pages = st.session_state.get(PAGES, [])
        count.caption(_count(ask(traces.total, scope, **wanted.parameters), len(page), len(pages)), width="stretch")
        _ways(page)


def clicked(click: Click) -> None:
    """Open, close and select as `click` says; the selected row and the open ones go into the link."""
    rows, path = _opened(), owner(click.path, click.kind)
    if click.kind == MORE:
        rows[path] = rows.get(path, 0) + expanded_rows.STEP
    elif click.opens:
        rows[path] = expanded_rows.STEP
    elif click.opens is False:
        rows.pop(path, None)
    _keep(rows)
    if click.selects and click.kind != MORE:
        select(click.trace, click.span, path.rpartition("/")[2])
        st.session_state[CHOSEN] = (path, _named())


def select(trace: str = "", span: str = "", row: str = "") -> None:
    """Name the row in the link: by its trace and span; by its id where it has none."""
    if trace != st.query_params.get("trace"):
        navigation.update_link(t_level=None)
    within = bool(trace)
    navigation.update_link(
        trace=trace or None,
        span=(span or f"row-{row}") if within else None,
        t_row=None if within else row or None,
    )


def close() -> None:
    """Take the selection away."""
    st.session_state.pop(CHOSEN, None)
    select()


def _opened() -> dict[str, int]:
    """The open rows: as they were left here, or as a link says that was opened since."""
    rows: dict[str, int] = st.session_state.get(OPENED, {})
    said = st.query_params.get("t_open")
    if said is None or said == st.session_state.get(LINKED):
        return rows
    try:
        return expanded_rows.read(said)
    except BadParameter:  # the filters' note says so
        return rows


def _keep(rows: dict[str, int]) -> None:
    """Remember the open rows, and name them in the link."""
    st.session_state[OPENED] = rows
    said = st.session_state[LINKED] = expanded_rows.written(rows) or None
    navigation.update_link(t_open=said)


def _after(scope: PageScope, wanted: Filter, sort: str, size: int) -> str | None:
    """Where the page begins that the link names; the first page once another question is asked."""
    question = (scope.from_text, scope.to_text, scope.group, wanted, sort, size)
    if st.session_state.get(QUESTION, question) != question:
        st.query_params.pop("t_after", None)
        st.session_state.pop(PAGES, None)
    st.session_state[QUESTION] = question
    token = st.query_params.get("t_after")
    try:
        cursor(token)
    except BadParameter:  # the filters' note says so
        st.query_params.pop("t_after", None)
        return None
    return token


def _named() -> tuple[str | None, ...]:
    """The row that the link names."""
    return tuple(st.query_params.get(name) for name in ("trace", "span", "t_row"))


def _chosen_path() -> str | None:
    """The path of the row that was clicked, as long as the link names it."""
    path, named = st.session_state.get(CHOSEN, (None, None))
    return path if named == _named() else None


def _named_path(rows: DataFrame) -> str | None:
    """The path of the first of `rows` that the link names."""
    trace, span, row = _named()
    row = row or (span or "").removeprefix("row-")
    within = (rows["trace"] == trace) & (rows["span"] == span) & (rows["span"] != "")
    of_log = ~rows["kind"].isin((ATTRIBUTE, MORE))
    found = rows["path"][of_log & (within | (rows["path"].str.rpartition("/")[2] == row))]
    return str(found.iloc[0]) if len(found) else None


def _rows(scope: PageScope, wanted: Filter, page: DataFrame, after: str | None, pinned: tuple[str, ...]) -> None:
    """The page's rows and their opened children, or what is to be done where there are none."""
    if page.empty:
        _nothing(wanted, looked(page))
        return

    def children(trace: str, span: str, count: int) -> DataFrame:
        named = pinned_columns.attributes(pinned)
        return ask(traces.children, scope, trace_id=trace, span_id=span, size=count, attributes=named)

    def attributes(row: int, count: int) -> DataFrame:
        return ask(traces.attributes, scope, id=row, size=count)

    path = _chosen_path()
    rows = visible(page, _opened(), children, attributes, chosen=path, pinned=pinned)
    if path is None:
        rows["chosen"] = rows["path"] == _named_path(rows)
    grid(rows, page=after or "", pinned=pinned_columns.fields(pinned), key="t_grid", on_click=clicked)
    if further := looked(page):
        st.caption(f"{further} Next goes on from there.")


def _size() -> int:
    """Rows per page."""
    place = SIZES.index(SIZE)
    label = "Rows per page"
    size = st.selectbox(
        label, SIZES, index=place, key="t_size", bind="query-params", width=84, label_visibility="collapsed"
    )
    return int(size)


def _ways(page: DataFrame) -> None:
    """The buttons to other pages."""
    pages: list[str | None] = st.session_state.setdefault(PAGES, [])
    following = page.attrs.get("next")
    st.button("First page", on_click=_turn, args=("first", None), disabled="t_after" not in st.query_params)
    st.button("Previous", on_click=_turn, args=("back", None), disabled=not pages)
    st.button("Next", on_click=_turn, args=("on", following), disabled=following is None)


def _turn(way: str, following: str | None) -> None:
    """Go to the first page, back, or on to the page that begins at `following`."""
    pages: list[str | None] = st.session_state.setdefault(PAGES, [])
    target = None
    if way == "first":
        pages.clear()
    elif way == "back":
        target = pages.pop() if pages else None
    else:
        pages.append(st.query_params.get("t_after"))
        target = following
    if target is None:
        st.query_params.pop("t_after", None)
    else:
        st.query_params["t_after"] = target


def _count(total: DataFrame, shown: int, before: int) -> str:
    """The number of rows that fit, honestly: counting stops somewhere."""
    rows, exact = int(total["rows"].iloc[0]), bool(total["exact"].iloc[0])
    said = (
        f"{formatting.count(rows)} row{'' if rows == 1 else 's'}"
        if exact
        else f"more than {formatting.count(rows or shown)} rows"
    )
    first = "t_after" not in st.query_params
    page = f" · page {before + 1}" if first or before else ""
    return said if exact and rows == shown else f"{said}{page} · {formatting.count(shown)} on this page"


def _nothing(wanted: Filter, further: str) -> None:
    if further:
        st.info(f"{further} Press Next to go on from there, or narrow the window in the sidebar.")
    elif "t_after" in st.query_params:
        st.info("No further rows. Go back to the first page.")
    elif wanted.is_empty:
        st.info("No row in this window. Choose a longer one, or the last hours of the log, in the sidebar.")
    else:
        st.info("No row in this window fits these filters. Clear them, or choose a longer window in the sidebar.")
