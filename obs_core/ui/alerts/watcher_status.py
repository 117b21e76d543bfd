"""Who judges the rules: a line where nobody does, with what to do about it."""

from typing import Final

import streamlit as st

from obs_core.alerts.snapshot import AlertsSnapshot
from obs_core.clock import SECOND, now_ns
from obs_core.settings import from_environment
from obs_core.supervisor import status_file
from obs_core.ui.kit import formatting

_LATE_NS: Final = 15 * SECOND  # a watcher says how far it has judged when rows come, and each 5 s when none do


def note(found: AlertsSnapshot) -> None:
    """Say that no watcher is at work, or that it has trouble; nothing while all is well or no rule asks for it."""
    if found.trouble:
        st.warning(formatting.escape_markdown(found.trouble), icon=":material/error:")
    if not any(rule.enabled for rule in found.rules):
        return
    now, child = now_ns(), status_file.children(from_environment().log).get("watch")
    if found.judged_ns is not None and now - found.judged_ns <= _LATE_NS:
        return
    if child is not None and child.state in ("starting", "running"):
        doing = "Rules are being judged for the first time." if found.judged_ns is None else "The watcher catches up."
        st.caption(f":material/hourglass_top: {doing} {_last(found)}")
        return
    why = f" {formatting.escape_markdown(child.last_error)}" if child is not None and child.last_error else ""
    st.warning(
        f"No watcher is at work, so nothing is judged and nobody is told. {_last(found)} "
        f"Start one: `python -m obs_core watch`{why}",
        icon=":material/visibility_off:",
    )


def _last(found: AlertsSnapshot) -> str:
    return "" if found.judged_ns is None else f"Rules were last judged at {formatting.format_time(found.judged_ns)}."
