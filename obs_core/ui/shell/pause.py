"""A page that does not move: while a row is open, and while refresh is off, it shows what it showed.

The window and the answers of the last run are kept for the session, and the next run uses them again.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.clock import Window, now_ns
from obs_core.query.filters.row_filter import ALL_ROWS, RowFilter
from obs_core.query.questions import traces
from obs_core.ui.kit.formatting import count, format_time
from obs_core.ui.kit.text import counted
from obs_core.ui.shell import answers
from obs_core.ui.shell.cached_query import Question
from obs_core.ui.shell.scope import PageScope

OPEN_ROW: Final = ("trace", "t_row", "l_row")
"""The link parameters that open a row of a table: while one is set, the page is paused."""

_VIEW: Final = "_obs_view"
_RESUMED: Final = "_obs_resumed"


@dataclass(frozen=True, slots=True)
class View:
    """What one page shows: its scope, and the `held` answers as of `time_ns`; `key` is the page and its controls."""

    key: tuple[str, ...]
    scope: PageScope
    time_ns: int
    held: dict[answers.HeldKey, DataFrame] = field(default_factory=dict)


def view_of(part: str, scope: PageScope, *, refreshes: bool) -> View:
    """Return the view of this run of `part`: the last one if it is paused or never `refreshes`, else a new one."""
    state = st.session_state
    key = (part, scope.from_text, scope.to_text, scope.group or "", str(refreshes))
    last: View | None = state.get(_VIEW)
    paused = is_paused()
    if last is not None and last.key == key and (paused or not refreshes):
        return replace(last, scope=replace(last.scope, paused_ns=last.time_ns if paused and scope.live else None))
    time_ns = now_ns()
    view = View(key, replace(scope, paused_ns=time_ns if paused and scope.live else None), time_ns)
    state[_VIEW] = view
    return view


def is_paused() -> bool:
    """Whether a row is open, and the reader has not resumed the page since."""
    row = _open_row()
    return any(row) and st.session_state.get(_RESUMED) != row


def note(scope: PageScope, row_filter: RowFilter = ALL_ROWS) -> None:
    """Say that the page is paused, with the number of rows that came since, and offer to resume; else nothing."""
    if scope.paused_ns is None:
        return
    since = Window(scope.paused_ns, max(now_ns(), scope.paused_ns + 1))
    new = answers.ask_now(traces.total, replace(scope, window=since), row_filter=row_filter)
    rows, exact = int(new["rows"].iloc[0]), bool(new["exact"].iloc[0])
    text = counted(rows, "new row") if exact else f"more than {count(rows)} new rows"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content", key="obs_paused"):
        st.caption(f":material/pause: Paused · {text}", width="content")
        st.button("Resume", type="tertiary", key="obs_resume", on_click=_resume)


def shown_scope() -> PageScope | None:
    """Return the scope of what the page shows; None before it is drawn."""
    last: View | None = st.session_state.get(_VIEW)
    return last.scope if last is not None else None


def forget(*questions: Question) -> None:
    """Drop the answers to `questions`, those that the page keeps as well; for callbacks."""
    answers.forget(*questions)
    last: View | None = st.session_state.get(_VIEW)
    for key in [key for key in (last.held if last is not None else ()) if key[0] in questions]:
        del last.held[key]  # type: ignore[union-attr]


def refresh_button(scope: PageScope) -> None:
    """Draw the button that refreshes a page that does not refresh by itself."""
    last: View | None = st.session_state.get(_VIEW)
    if scope.is_relative:
        as_of = f"; the page is as of {format_time(last.time_ns, date=False)}" if last is not None else ""
        hover = f"Refresh is off{as_of}"
        icon = ":material/refresh:"
        st.button("Refresh", icon=icon, type="tertiary", key="obs_refresh_now", help=hover, on_click=_refresh)


def _resume() -> None:
    st.session_state[_RESUMED] = _open_row()


def _refresh() -> None:
    st.session_state.pop(_VIEW, None)


def _open_row() -> tuple[str, ...]:
    return tuple(st.query_params.get(name, "") for name in OPEN_ROW)
