"""The status of the watcher that evaluates rules: what fails in it, and a line when it does not run."""

from typing import Final

import streamlit as st

from obs_core.alerts.snapshot import AlertsSnapshot
from obs_core.clock import MINUTE, SECOND, now_ns
from obs_core.settings import from_environment
from obs_core.supervisor import status_file
from obs_core.ui.kit import formatting
from obs_core.ui.shell.panel import report
from obs_core.watch import status_file as watch_status
from obs_core.watch.status_file import Fault

_LATE_NS: Final = 15 * SECOND  # a watcher records its progress when rows come, and every 5 s without rows

_RECENT_NS: Final = 10 * MINUTE
_MOST_FAULTS: Final = 5


def note(snapshot: AlertsSnapshot) -> None:
    """Show what fails in the watcher, and that it does not run; nothing if all is well."""
    if snapshot.error:
        report("Alerts", formatting.escape_markdown(snapshot.error))
    log, now = from_environment().log, now_ns()
    child = status_file.children(log).get("watch")
    _show_faults([fault for fault in watch_status.faults(log) if fault.text not in snapshot.error])
    if child is not None and child.restarts and now - child.last_end_ns <= _RECENT_NS:
        when = formatting.format_time(child.last_end_ns, date=False)
        reason = formatting.escape_markdown(child.last_end)
        st.caption(f":material/restart_alt: The watcher was restarted after {when}: {reason}")
    if not any(rule.enabled for rule in snapshot.rules):
        return
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


def _show_faults(faults: list[Fault]) -> None:
    """Show the first faults, each with how often it happened and since when."""
    for fault in faults[:_MOST_FAULTS]:
        since = formatting.format_time(fault.since_ns)
        times = f" ({formatting.count(fault.times)} times since {since})" if fault.times > 1 else f" (since {since})"
        st.warning(formatting.escape_markdown(fault.text) + times, icon=":material/error:")
    if len(faults) > _MOST_FAULTS:
        st.caption(f"{formatting.count(len(faults) - _MOST_FAULTS)} more problems of the watcher are not shown.")


def _last_evaluated(snapshot: AlertsSnapshot) -> str:
    if snapshot.evaluated_ns is None:
        return ""
    return f"Last evaluated {formatting.format_time(snapshot.evaluated_ns)}."
