"""The storage lines of the Overview: how far older rows are archived, why that stopped, and how much space is left."""

from typing import Final

import streamlit as st

from obs_core.archive import progress, space
from obs_core.archive.progress import Progress
from obs_core.archive.space import Space
from obs_core.clock import DAY, HOUR, now_ns
from obs_core.settings import log_path
from obs_core.ui.kit import formatting

_ICON: Final = ":material/inventory_2:"
_RECENT_NS: Final = HOUR
"""A sealer that the watcher starts every minute fails again within this time, if it still fails."""


_SOON_NS: Final = 30 * DAY
"""A disk that is full later is not mentioned, if the log has no largest size."""


def note() -> None:
    """Draw what is to be known about the log's space; nothing without a watcher and a sealer."""
    log, now = log_path(), now_ns()
    if current := progress.read(log):
        _sealing(current, now)
    known = space.read(log)
    if known and (text := _space(known)):
        st.caption(f"{_ICON} {formatting.escape_markdown(text)}")


def _sealing(current: Progress, now: int) -> None:
    """Draw a line while older rows are sealed for the first time, or a warning if that failed."""
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


def _space(known: Space) -> str:
    """The size in a sentence; empty if there is no limit and the disk has space."""
    log, archive = formatting.size(known.now.log_bytes), formatting.size(known.now.archive_bytes)
    size = f"The log has {log}" + (f", its archive {archive}" if known.now.archive_bytes else "")
    full = known.full_text
    if known.max_bytes is None:
        is_soon = known.full_ns is not None and known.full_ns < _SOON_NS
        return f"{size}; the disk is {full}." if is_soon else ""
    rest = f": {full}" if full else ""
    return f"{size}, of at most {formatting.size(known.max_bytes)}{rest}."
