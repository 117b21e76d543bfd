"""The storage line of the Overview: how far older rows are archived, and why that stopped."""

from typing import Final

import streamlit as st

from obs_core.archive import progress
from obs_core.archive.progress import Progress
from obs_core.clock import HOUR, now_ns
from obs_core.settings import from_environment
from obs_core.ui.kit import formatting

_ICON: Final = ":material/inventory_2:"
_RECENT_NS: Final = HOUR
"""A sealer that the watcher starts every minute fails again within this time, if it still fails."""


def note() -> None:
    """Draw a line while older rows are sealed for the first time, or a warning if that failed; else nothing."""
    current = progress.read(from_environment().log)
    if current is None:
        return
    now = now_ns()
    state = current.state(now)
    if state == "failed":
        if now - current.time_ns < _RECENT_NS:
            st.warning(formatting.escape_markdown(_failed(current)), icon=_ICON)
    elif state != "ended" and current.older_rows:
        since = formatting.format_time(current.time_ns, date=False)
        late = f"; no progress since {since}" if state == "silent" else ""
        text = f"Older rows are being archived: {current.share_text}{late}"
        st.caption(f"{_ICON} {formatting.escape_markdown(text)}")


def _failed(current: Progress) -> str:
    since = formatting.format_time(current.time_ns, date=False)
    return f"Rows could not be archived at {since}: {current.error} {current.hint}"
