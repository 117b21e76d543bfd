"""The help sheet: keys, ways to write a time, and what marks mean. `?` opens it on every page."""

import html
from collections.abc import Mapping
from typing import Final

import streamlit as st

from obs_core.settings import log_path, store_url
from obs_core.ui.kit import formatting
from obs_core.ui.shell import store_status
from obs_core.ui.shell.state_badges import ALERTS
from obs_core.version import VERSION

_KEYS: Final = {
    "?": "this sheet",
    "t": "time picker",
    "/": "first field of the page",
    "Esc": "close what is open",
    "drag over a chart": "zoom to that time",
}
_TRACE_KEYS: Final = {
    "j, k, arrows": "next and previous row; left and right collapse and expand",
    "Enter": "select the row",
    "e, E": "next and previous error",
    "z, 0": "zoom to the row, to the whole trace",
    "J, K": "next and previous trace of the list",
    "/": "search in the trace; Enter for the next match",
    "Esc": "close the trace",
}
_TIMES: Final = {
    "now-1h": "an hour ago; s, m, h, d, w",
    "last-24h": "a day before the newest row",
    "first, last": "the first and the newest row",
    "2026-01-31T12:00": "a time, in your time zone; add Z for UTC",
}


def help_sheet() -> None:
    """Draw the button and, behind it, the sheet."""
    with st.popover("Help", icon=":material/help:", key="obs_help"):
        draw_sheet()


def draw_sheet() -> None:
    """Draw what the sheet says."""
    marks = {badge.icon: badge.label for badge in ALERTS.values()}
    parts = (
        ("Keys", _KEYS, "kbd"),
        ("Keys in a trace", _TRACE_KEYS, "kbd"),
        ("Times, in the picker and in links", _TIMES, "kbd"),
        ("Marks of alerts", marks, "span"),
    )
    st.html(f"<div class='obs-sheet'>{''.join(_part(*part) for part in parts)}</div>")
    source = f"Store: {store_status.address()}" if store_url() else f"Log: {log_path().absolute()}"
    st.caption(formatting.escape_markdown(f"Times are in {formatting.zone_name()}. {source}. obs-core {VERSION}"))


def _part(title: str, pairs: Mapping[str, str], tag: str) -> str:
    rows = "".join(
        f"<div><dt><{tag}>{html.escape(key)}</{tag}></dt><dd>{html.escape(text)}</dd></div>"
        for key, text in pairs.items()
    )
    return f"<section><strong>{html.escape(title)}</strong><dl>{rows}</dl></section>"
