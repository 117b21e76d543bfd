"""What every page shares: the window, the group and the pace of refreshing, drawn by the router and kept in the URL.

The options of the controls are the words of the URL. `first` and `last` are the log's own first and last row, for logs
whose clock is not ours; `last-1h` is an hour before its end.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import streamlit as st

from obs_core.clock import DAY, SECOND, Window, instant_ns, now_ns
from obs_core.errors import BadParameter
from obs_core.ui.kit.auto_refresh import auto_refresh
from obs_core.ui.shell.scope import TO, PageScope, is_relative
from obs_core.ui.shell.share import share

FROM: Final = ("now-5m", "now-15m", "now-1h", "now-6h", "now-24h", "now-7d")
FROM_LAST: Final = ("last-5m", "last-1h", "last-24h", "last-7d", "first")
DEFAULT_FROM: Final = "now-1h"
DEFAULT_TO: Final = "now"
REFRESH_INTERVALS: Final = {"1s": 1, "5s": 5, "15s": 15, "60s": 60, "off": None}
DEFAULT_INTERVAL: Final = "5s"
REFRESH_S: Final = 5
TICK: Final = 5 * SECOND
"""Windows end at whole multiples of this, so that all who look in the same tick ask the same."""

_EXTENT: Final = "_obs_extent"
_WANTED: Final = "_obs_wanted"


def draw(groups: Sequence[str], extent: Window | None) -> None:
    """Draw the controls for a log that spans `extent`; `groups` are offered, others can be typed."""
    st.session_state[_EXTENT] = extent
    st.session_state.update(st.session_state.pop(_WANTED, {}))
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
    """Set controls (`from`, `to`, `group`) from inside a page; the run that this starts shows them."""
    st.session_state[_WANTED] = texts
    st.rerun()


def page_scope(now: int | None = None) -> PageScope:
    """What is chosen now. What can't be read falls back to the usual window, and `notes` says so."""
    state = st.session_state
    from_text, to_text = state.get("from") or DEFAULT_FROM, state.get("to") or DEFAULT_TO
    window, notes = window_of(from_text, to_text, now_ns() if now is None else now, state.get(_EXTENT))
    live = REFRESH_INTERVALS.get(state.get("every") or DEFAULT_INTERVAL) is not None and is_relative(to_text)
    return PageScope(window, state.get("group") or None, live, from_text, to_text, notes)


def scope_of(from_text: str, to_text: str, extent: Window | None) -> PageScope:
    """All groups in the window that the two texts name now."""
    window, notes = window_of(from_text, to_text, now_ns(), extent)
    return PageScope(window, None, live=False, from_text=from_text, to_text=to_text, notes=notes)


def window_of(from_text: str, to_text: str, now: int, extent: Window | None) -> tuple[Window, tuple[str, ...]]:
    """The window that the two texts name, and what is to be said about them.

    `now` (nanoseconds) is taken to the end of its tick. `extent` is what the log spans.
    """
    tick = -(-now // TICK) * TICK
    notes: list[str] = []
    try:
        to = _instant(to_text, tick, extent)
    except BadParameter as error:
        to_text, to = DEFAULT_TO, tick
        notes.append(f"{error.message} The window ends now instead.")
    try:
        start = _instant(from_text, tick, extent)
    except BadParameter as error:
        start = min(to, instant_ns(DEFAULT_FROM, tick))
        notes.append(f"{error.message} The last hour is shown instead.")
    if start >= to:
        notes.append("The window's end is not after its start: it holds nothing. Choose an earlier start.")
    return Window(start, to), tuple(notes)


def live(draw_part: Callable[[PageScope], None]) -> Callable[[], None]:
    """A part of a page that refreshes by itself at the chosen pace, each time with the window as it is then."""

    @functools.wraps(draw_part)
    def part() -> None:
        st.fragment(lambda: _drawn(draw_part))()

    return part


def _drawn(draw_part: Callable[[PageScope], None]) -> None:
    """One run of a part: first what asks for the next one, so that an error in it does not stop the page."""
    now = page_scope()
    pace = REFRESH_INTERVALS.get(st.session_state.get("every") or DEFAULT_INTERVAL)
    if now.live and pace is not None:
        auto_refresh(pace)
    share(now)
    draw_part(now)


def invalid_parameters(given: Mapping[str, str]) -> tuple[str, ...]:
    """What is to be said about the parameters `given` in the link, taken before the first control is drawn."""
    pace = given.get("every")
    if pace is not None and pace not in REFRESH_INTERVALS:
        return (f"“{pace[:60]}” is no pace of refreshing; {DEFAULT_INTERVAL} is taken instead.",)
    return ()


def _with(options: Sequence[str], key: str) -> list[str]:
    """The options of a control, and what it holds already, so that a link's own word is one of them."""
    held = st.session_state.get(key) or st.query_params.get(key)
    return [*options, held] if held and held not in options else list(options)


def _instant(text: str, now: int, extent: Window | None) -> int:
    """The time that `text` names; `first` and `last` are the log's (now, while it is empty)."""
    return instant_ns(text, now, extent or Window(now, now))
