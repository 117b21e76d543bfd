"""The controls that all pages share: window, group and refresh interval. The router draws them; the URL holds them.

The options of the controls are the values in the URL. `first` and `last` are the first and last row of the log, for
logs of another clock; `last-1h` is an hour before the end of the log.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import streamlit as st

from obs_core.clock import DAY, SECOND, Window, instant_ns, now_ns
from obs_core.errors import BadParameter
from obs_core.ui.kit.auto_refresh import auto_refresh
from obs_core.ui.shell import pause
from obs_core.ui.shell.answers import holding, prefetching
from obs_core.ui.shell.scope import TO, PageScope, is_relative
from obs_core.ui.shell.share import share

FROM: Final = ("now-5m", "now-15m", "now-1h", "now-6h", "now-24h", "now-7d")
FROM_LAST: Final = ("last-5m", "last-1h", "last-24h", "last-7d", "first")
DEFAULT_FROM: Final = "now-1h"
DEFAULT_TO: Final = "now"
REFRESH_INTERVALS: Final = {"1s": 1, "5s": 5, "15s": 15, "60s": 60, "off": None}
DEFAULT_INTERVAL: Final = "5s"
TICK: Final = 5 * SECOND
"""Windows end at multiples of this, so that all sessions of one tick share their answers."""

_EXTENT: Final = "_obs_extent"
_PENDING: Final = "_obs_pending_controls"


def draw(groups: Sequence[str], extent: Window | None) -> None:
    """Draw the controls for a log that spans `extent`; `groups` are listed, others can be typed."""
    st.session_state[_EXTENT] = extent
    st.session_state.update(st.session_state.pop(_PENDING, {}))
    own_clock = extent is None or abs(now_ns() - extent.to_ns) < DAY
    st.selectbox(
        "From",
        _with(FROM if own_clock else FROM + FROM_LAST, "from"),
        index=FROM.index(DEFAULT_FROM),
        key="from",
        bind="query-params",
        accept_new_options=True,
        help="now-1h, last-24h, first, an ISO 8601 time such as 2026-01-31T12:00, or epoch milliseconds",
    )
    st.selectbox("To", _with(TO, "to"), key="to", bind="query-params", accept_new_options=True)
    st.selectbox(
        "Process group",
        _with(groups, "group"),
        index=None,
        key="group",
        bind="query-params",
        accept_new_options=True,
        placeholder="All groups",
    )
    st.segmented_control(
        "Refresh every",
        list(REFRESH_INTERVALS),
        default=DEFAULT_INTERVAL,
        required=True,
        key="every",
        bind="query-params",
    )


def set_controls(**texts: str | None) -> None:
    """Set controls (`from`, `to`, `group`) from inside a page, and start the run that shows them."""
    request_controls(**texts)
    st.rerun()


def request_controls(**texts: str | None) -> None:
    """Set controls from a callback; the run after it starts the full run that shows them.

    Controls are outside the refreshed part of a page: a value that a refresh alone sets never reaches the browser,
    which sends its old value with the next refresh.
    """
    st.session_state[_PENDING] = texts


def page_scope(now: int | None = None) -> PageScope:
    """Return the current scope. An invalid value falls back to the default window, and `notes` says so."""
    state = st.session_state
    from_text, to_text = state.get("from") or DEFAULT_FROM, state.get("to") or DEFAULT_TO
    window, notes = window_of(from_text, to_text, now_ns() if now is None else now, state.get(_EXTENT))
    live = REFRESH_INTERVALS.get(state.get("every") or DEFAULT_INTERVAL) is not None and is_relative(to_text)
    return PageScope(window, state.get("group") or None, live, from_text, to_text, notes)


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
    if _PENDING in st.session_state:
        st.rerun()
    interval_s = REFRESH_INTERVALS.get(st.session_state.get("every") or DEFAULT_INTERVAL)
    part = inspect.getfile(draw_part)
    view = pause.view_of(part, page_scope(), refreshes=interval_s is not None)
    scope = view.scope
    if scope.live and interval_s is not None:
        auto_refresh(interval_s)
    with st.container(horizontal=True, horizontal_alignment="right", gap="xsmall", key="obs_head"):
        if interval_s is None:
            pause.refresh_button(scope)
        share(scope)
    with prefetching(part, scope), holding(view.held):
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
