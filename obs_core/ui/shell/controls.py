"""The controls that all pages share: window, group and refresh interval. The router draws them; the URL holds them.

The options of the controls are the values in the URL. `first` and `last` are the first and last row of the log, for
logs of another clock; `last-1h` is an hour before the end of the log. A link without a window opens the last hour, or
the whole of a log that is younger than that. `exact=1` asks for exact percentiles (`exactness`).
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import streamlit as st

from obs_core.clock import SECOND, Window, instant_ns, now_ns
from obs_core.errors import BadParameter, ObsError
from obs_core.ui.kit.auto_refresh import auto_refresh, is_refresh
from obs_core.ui.shell import firing, loading, pause, store_status, window_text
from obs_core.ui.shell.answers import at_one_version, holding, log_extent, prefetching
from obs_core.ui.shell.scope import PageScope, is_relative
from obs_core.ui.shell.window_text import Texts

DEFAULT_FROM, DEFAULT_TO = window_text.DEFAULT
REFRESH_INTERVALS: Final = {"1s": 1, "5s": 5, "15s": 15, "60s": 60, "off": None}
DEFAULT_INTERVAL: Final = "5s"
EXACT: Final = "1"
"""The value of `exact` in a link that asks for exact percentiles."""
TICK: Final = 5 * SECOND
"""Windows end at multiples of this, so that all sessions of one tick share their answers."""

RECENT: Final = "_obs_recent"
MOST_RECENT: Final = 5
_PENDING: Final = "_obs_pending_controls"


def draw_window() -> None:
    """Draw the fields that hold the window's texts, and `exact`. They are not visible: other controls set them."""
    st.session_state.update(st.session_state.pop(_PENDING, {}))
    with st.container(key="obs_window_texts"):
        for name in ("from", "to", "exact"):
            st.text_input(name, key=name, bind="query-params")
    texts = (st.session_state["from"], st.session_state["to"])
    recent: list[Texts] = st.session_state.setdefault(RECENT, [])
    if all(texts) and texts not in recent[:1]:
        st.session_state[RECENT] = [texts, *(other for other in recent if other != texts)][:MOST_RECENT]


def draw_group(groups: Sequence[str]) -> None:
    """Draw the group of the page; `groups` are listed, others can be typed."""
    st.selectbox(
        "Process group",
        _with(groups, "group"),
        index=None,
        key="group",
        bind="query-params",
        accept_new_options=True,
        placeholder="All groups",
        label_visibility="collapsed",
        width=180,
    )


def draw_interval() -> None:
    """Draw the live state: how often the page refreshes, or that it does not."""
    st.selectbox(
        "Refresh every",
        list(REFRESH_INTERVALS),
        index=list(REFRESH_INTERVALS).index(DEFAULT_INTERVAL),
        key="every",
        bind="query-params",
        label_visibility="collapsed",
        width=132,
    )


def set_controls(**texts: str | None) -> None:
    """Set controls (`from`, `to`, `group`, `exact`) from inside a page, and start the run that shows them."""
    request_controls(**texts)
    st.rerun()


def request_controls(**texts: str | None) -> None:
    """Set controls from a callback; the run after it starts the full run that shows them.

    Controls are outside the refreshed part of a page: a value that a refresh alone sets never reaches the browser,
    which sends its old value with the next refresh.
    """
    st.session_state[_PENDING] = texts


def apply_requested() -> None:
    """Start the full run that shows what `request_controls` set, if anything; a part calls this first."""
    if _PENDING in st.session_state:
        st.rerun()


def window_texts(given: Mapping[str, str] | None = None) -> Texts:
    """Return the texts of the current window; `given` are the link's parameters, before the fields are drawn."""
    state, link = st.session_state, given or {}
    texts = tuple(state.get(name) or link.get(name) or "" for name in ("from", "to"))
    if not any(texts):
        return window_text.default_texts(extent_of_log(), now_ns())
    return texts[0] or DEFAULT_FROM, texts[1] or DEFAULT_TO


def page_scope(now: int | None = None) -> PageScope:
    """Return the current scope. An invalid value falls back to the default window, and `notes` says so."""
    from_text, to_text = window_texts()
    window, notes = window_of(from_text, to_text, now_ns() if now is None else now, extent_of_log())
    live = refresh_interval_s() is not None and is_relative(to_text)
    group, exact = st.session_state.get("group") or None, st.session_state.get("exact") == EXACT
    return PageScope(window, group, live, from_text, to_text, notes, exact=exact)


def refresh_interval_s() -> int | None:
    """Return the selected interval in seconds; None if pages do not refresh."""
    return REFRESH_INTERVALS.get(st.session_state.get("every") or DEFAULT_INTERVAL)


def extent_of_log() -> Window | None:
    """Return the range of the log; None while it is not readable or has no rows."""
    try:
        return log_extent()
    except ObsError:
        return None


def scope_of(from_text: str, to_text: str, extent: Window | None) -> PageScope:
    """Return the scope of all groups in the window that the two texts name now."""
    window, notes = window_of(from_text, to_text, now_ns(), extent)
    return PageScope(window, None, live=False, from_text=from_text, to_text=to_text, notes=notes)


def window_of(from_text: str, to_text: str, now: int, extent: Window | None) -> tuple[Window, tuple[str, ...]]:
    """Return the window that the two texts name, and notes about invalid ones.

    `now` (nanoseconds) is rounded up to the end of its tick. `extent` is the range of the log.
    """
    tick = -(-now // TICK) * TICK
    notes: list[str] = []
    ends: list[int] = []
    for text in (from_text, to_text):
        try:
            ends.append(_instant(text, tick, extent))
        except BadParameter as error:
            notes.append(error.message)
    if notes:  # half of what was asked for would be a window that nobody asked for
        notes[-1] += " The last hour is shown instead."
        ends = [instant_ns(DEFAULT_FROM, tick), tick]
    start_ns, end_ns = ends
    if start_ns >= end_ns:
        notes.append("The end is not after the start. Choose an earlier start.")
    return Window(start_ns, end_ns), tuple(notes)


def live(draw_part: Callable[[PageScope], None]) -> Callable[[], None]:
    """Make a function a part of a page that refreshes at the selected interval, each time with the current scope."""

    @functools.wraps(draw_part)
    def part() -> None:
        st.fragment(lambda: _run(draw_part))()

    return part


def _run(draw_part: Callable[[PageScope], None]) -> None:
    """Run a part once. The next run is requested first, so that an error in the part does not stop the refreshes."""
    apply_requested()
    interval_s = refresh_interval_s()
    part = inspect.getfile(draw_part)
    if store_status.draw_if_away():
        return
    with at_one_version(refresh=is_refresh()):
        view = pause.view_of(part, page_scope(), refreshes=interval_s is not None)
        scope = view.scope
        if scope.live and interval_s is not None:
            auto_refresh(interval_s)
        firing.badge()
        with loading.skeleton(part, scope), prefetching(part, scope), holding(view.held):
            draw_part(scope)


def invalid_parameters(given: Mapping[str, str]) -> tuple[str, ...]:
    """Return notes about invalid parameters of the link; `given` are those from before the first control was drawn."""
    every = given.get("every")
    if every is not None and every not in REFRESH_INTERVALS:
        return (f"“{every[:60]}” is not a valid refresh interval; using {DEFAULT_INTERVAL}.",)
    return ()


def _with(options: Sequence[str], key: str) -> list[str]:
    """The options of a control and its current value, so that a value from a link is among them."""
    held = st.session_state.get(key) or st.query_params.get(key)
    return [*options, held] if held and held not in options else list(options)


def _instant(text: str, now: int, extent: Window | None) -> int:
    """The timestamp that `text` names; `first` and `last` are those of the log (now, while it is empty)."""
    return instant_ns(text, now, extent or Window(now, now))
