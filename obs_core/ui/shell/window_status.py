"""The status of the window: what a page shows when it has no rows, and up to when the data is complete."""

import html
from typing import Final

import streamlit as st

from obs_core.clock import DAY, MINUTE, Window, now_ns
from obs_core.errors import ObsError
from obs_core.query.questions import overview, writers
from obs_core.ui.kit import formatting
from obs_core.ui.shell import controls, time_picker
from obs_core.ui.shell.answers import ask, engine, log_extent
from obs_core.ui.shell.scope import PageScope

SHORT: Final = 7 * DAY
"""A log of at most this length is shown as a whole."""

SMALL_PART: Final = 0.1
"""Data in less of the window than this is a stripe in every chart."""


def holds_rows(scope: PageScope) -> bool:
    """Return whether the window and the group have rows; if not, say where the data is and offer to show it."""
    extent = log_extent()
    if extent is None:
        return True  # the router shows the welcome page for an empty log
    if extent.from_ns >= scope.window.to_ns or extent.to_ns <= scope.window.from_ns:
        _elsewhere(extent, scope)
        return False
    if scope.group is None or len(ask(overview.processes, scope)):
        return True
    st.info(
        formatting.escape_markdown(f"No rows of the group “{scope.group[:100]}” in this window."),
        icon=":material/filter_alt:",
    )
    st.button("Show all groups", on_click=controls.request_controls, kwargs={"group": None})
    return False


def completeness(scope: PageScope) -> str:
    """Return up to when the log is complete: rows may still be queued in writers."""
    extent = log_extent()
    if extent is None:
        return ""
    waiting = [int(time_ns) for time_ns in ask(writers.status, scope)["oldest_ns"].dropna()]
    late = now_ns() - min(waiting) if waiting else 0
    newest = f"newest row {formatting.format_time(extent.to_ns - 1)}"
    if not engine().is_log:
        return f"{newest[0].upper()}{newest[1:]}; what its senders still hold is not known"
    if late > MINUTE // 12:
        complete = formatting.format_time(min(waiting))
        return f"Data is complete up to {complete} ({newest}); newer rows are still queued in writers"
    return f"Data is complete, {newest}"


def scope_note(scope: PageScope, writing: str = "") -> None:
    """Draw what the numbers of the page cover: which calls, up to when, and what was dropped.

    `writing` is the state of the writers, if it needs no cards.
    """
    dropped = int(ask(writers.status, scope)["dropped"].sum())
    parts = [
        "All calls are counted, at every depth of their traces",
        completeness(scope),
        html.escape(writing),
        f"<b class='obs-error'>{formatting.count(dropped)} rows dropped by running writers</b>" if dropped else "",
    ]
    st.html(f"<p class='obs-status'>{' · '.join(part for part in parts if part)}</p>")


def log_limitations() -> None:
    """Say what is missing from a log that another program created."""
    try:
        missing = engine().shape().missing
    except ObsError:
        return
    if missing:
        about = "About this log" if engine().is_log else f"About {engine().address}"
        st.caption(formatting.escape_markdown(f"{about}: {' '.join(missing)}"))


def small_part(scope: PageScope) -> None:
    """Say that the data covers only a small part of the window, and offer to show that part alone; else nothing."""
    extent = controls.extent_of_log()
    if extent is None or not scope.window.length_ns:
        return
    covered = min(extent.to_ns, scope.window.to_ns) - max(extent.from_ns, scope.window.from_ns)
    if not 0 < covered < SMALL_PART * scope.window.length_ns:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="obs_small_part"):
        length = formatting.duration(covered / 1e6)
        st.caption(f":material/schedule: The log covers only {length} of this window.", width="content")
        st.button("Zoom to data", type="tertiary", key="obs_zoom", on_click=time_picker.show_data, args=(scope,))


def _elsewhere(extent: Window, scope: PageScope) -> None:
    """Say that the window has no rows, and where the data is."""
    later = extent.from_ns >= scope.window.to_ns
    newest = formatting.format_time(extent.to_ns - 1)
    where = (
        f"the first data is from {formatting.format_time(extent.from_ns)}"
        if later
        else f"the last data is from {newest}"
    )
    st.info(
        formatting.escape_markdown(f"No rows in this window; {where} ({formatting.zone_name()})."),
        icon=":material/schedule:",
    )
    short = extent.length_ns <= SHORT
    st.button(
        "Show it" if short else "Show its last 24 hours",
        type="primary",
        on_click=controls.request_controls,
        kwargs={"from": "first" if short else "last-24h", "to": "last"},
    )
