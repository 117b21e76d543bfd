"""What a page says when the window or the filter leaves nothing, and up to when the data is complete."""

from collections.abc import Mapping

import streamlit as st

from obs_core.clock import DAY, HOUR, MINUTE, Window, now_ns
from obs_core.errors import ObsError
from obs_core.query.questions import overview, writers
from obs_core.ui.kit import formatting
from obs_core.ui.shell.answers import ask, engine
from obs_core.ui.shell.scope import PageScope

_OFFERS: Mapping[str, int] = {"last-5m": 5 * MINUTE, "last-1h": HOUR, "last-24h": DAY, "last-7d": 7 * DAY}


def holds_rows(scope: PageScope) -> bool:
    """Whether the window and the group hold any row; if not, say what there is, and offer to show it."""
    extent = engine().extent()
    if extent is None:
        return True  # the router shows what to do with an empty log
    if extent.from_ns >= scope.window.to_ns or extent.to_ns <= scope.window.from_ns:
        _elsewhere(extent, scope)
        return False
    if scope.group is None or len(ask(overview.processes, scope)):
        return True
    st.info(
        formatting.escape_markdown(f"No row of the group “{scope.group[:100]}” in this window."),
        icon=":material/filter_alt:",
    )
    st.button("Show all groups", on_click=_choose, kwargs={"group": None})
    return False


def completeness(scope: PageScope) -> str:
    """Up to when the log is complete, in words: behind by what waits in the writers' queues."""
    extent = engine().extent()
    if extent is None:
        return ""
    waiting = [int(moment) for moment in ask(writers.status, scope)["oldest_ns"].dropna()]
    late = now_ns() - min(waiting) if waiting else 0
    newest = f"newest row {formatting.format_time(extent.to_ns - 1)}"
    if late > MINUTE // 12:
        complete = formatting.format_time(min(waiting))
        return f"Data is complete up to {complete} ({newest}); newer rows are still queued in writers"
    return f"Data is complete, {newest}"


def scope_note(scope: PageScope) -> None:
    """What the figures of a page are of: which calls are counted, up to when, and what is missing from them."""
    dropped = int(ask(writers.status, scope)["dropped"].sum())
    parts = [
        "Counted: all calls, at every depth of their traces",
        completeness(scope),
        f"<b class='obs-error'>{formatting.count(dropped)} rows dropped by writers that are at work</b>"
        if dropped
        else "",
    ]
    st.html(f"<p class='obs-said'>{' · '.join(part for part in parts if part)}</p>")


def shortcomings() -> None:
    """Say what a log that another program made can't tell."""
    try:
        missing = engine().shape().missing
    except ObsError:
        return
    if missing:
        st.caption(formatting.escape_markdown(f"About this log: {' '.join(missing)}"))


def _elsewhere(extent: Window, scope: PageScope) -> None:
    """Nothing in this window: say where the data is."""
    later = extent.from_ns >= scope.window.to_ns
    newest = formatting.format_time(extent.to_ns - 1)
    said = (
        f"the first data is from {formatting.format_time(extent.from_ns)}"
        if later
        else f"the last data is from {newest}"
    )
    st.info(
        formatting.escape_markdown(f"Nothing in this window; {said} ({formatting.zone_name()})."),
        icon=":material/schedule:",
    )
    offer = next((text for text, length in _OFFERS.items() if extent.length_ns <= length), "last-24h")
    st.button(
        "Show it" if extent.length_ns <= 7 * DAY else "Show its last 24 hours",
        type="primary",
        on_click=_choose,
        kwargs={"from": offer, "to": "last"},
    )


def _choose(**controls: str | None) -> None:
    for key, text in controls.items():
        st.session_state[key] = text
