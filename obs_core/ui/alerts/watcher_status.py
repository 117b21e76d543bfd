"""The status of the watcher that evaluates rules: a line when it does not run, with how to start it."""

from typing import Final

import streamlit as st

from obs_core.alerts.snapshot import AlertsSnapshot
from obs_core.clock import SECOND, now_ns
from obs_core.settings import from_environment
from obs_core.supervisor import status_file
from obs_core.ui.kit import formatting

_LATE_NS: Final = 15 * SECOND  # a watcher records its progress when rows come, and every 5 s without rows


def note(snapshot: AlertsSnapshot) -> None:
    """Show that the watcher does not run or that rules can't be read; nothing if all is well or no rule is enabled."""
    if snapshot.error:
        st.warning(formatting.escape_markdown(snapshot.error), icon=":material/error:")
    if not any(rule.enabled for rule in snapshot.rules):
        return
    now, child = now_ns(), status_file.children(from_environment().log).get("watch")
    if snapshot.evaluated_ns is not None and now - snapshot.evaluated_ns <= _LATE_NS:
        return
    if child is not None and child.state in ("starting", "running"):
        is_first = snapshot.evaluated_ns is None
        status = "The rules are being evaluated for the first time." if is_first else "The watcher is catching up."
        st.caption(f":material/hourglass_top: {status} {_last_evaluated(snapshot)}")
        return
    reason = f" {formatting.escape_markdown(child.last_error)}" if child is not None and child.last_error else ""
    st.warning(
        "The watcher is not running: rules are not evaluated and no notifications are sent. "
        f"{_last_evaluated(snapshot)} Start it: `python -m obs_core watch`{reason}",
        icon=":material/visibility_off:",
    )


def _last_evaluated(snapshot: AlertsSnapshot) -> str:
    if snapshot.evaluated_ns is None:
        return ""
    return f"Last evaluated {formatting.format_time(snapshot.evaluated_ns)}."
