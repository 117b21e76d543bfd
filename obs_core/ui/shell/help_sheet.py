"""The help sheet: keys, ways to write a time, and what marks mean. `?` opens it on every page."""

from typing import Final

import streamlit as st

from obs_core.settings import from_environment
from obs_core.ui.kit import formatting
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
        st.markdown("**Keys**")
        st.markdown(_table(_KEYS))
        st.markdown("**Keys in a trace**")
        st.markdown(_table(_TRACE_KEYS))
        st.markdown("**Times**, in the picker and in links")
        st.markdown(_table(_TIMES))
        st.markdown("**Marks of alerts**")
        st.markdown("  \n".join(f"{badge.icon} {badge.label}" for badge in ALERTS.values()))
        log = formatting.escape_markdown(str(from_environment().log.absolute()))
        st.caption(f"Times are in {formatting.zone_name()}. Log: {log}. obs-core {VERSION}")


def _table(pairs: dict[str, str]) -> str:
    return "  \n".join(f"`{key}` {formatting.escape_markdown(text)}" for key, text in pairs.items())
