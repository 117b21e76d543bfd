"""Checks of the archive: what the sealer does, how far it is, and why it stopped."""

from pathlib import Path

from obs_core.archive import progress
from obs_core.cli.checks.finding import Finding
from obs_core.clock import SECOND, iso_text


def sealer(log: Path, now_ns: int) -> Finding:
    """Whether the sealer runs and makes progress; if not, why."""
    last = progress.read(log)
    if last is None:
        return Finding("sealer", "ok", "Nothing of this log is archived yet.")
    share = f"{last.share_text} rows are archived" if last.rows else "the log is empty"
    passed = f"{max(0, now_ns - last.time_ns) // SECOND:,} s ago"
    state = last.state(now_ns)
    if state == "running":
        return Finding("sealer", "ok", f"Running (pid {last.pid}), last step {passed}: {share}.")
    if state == "silent":
        text = f"pid {last.pid} makes no progress, last step {passed}: {share}."
        return Finding("sealer", "warning", text, "Let it continue, or end it: the next sealer resumes its work.")
    if state == "failed":
        return Finding("sealer", "warning", f"Stopped at {iso_text(last.time_ns)}: {last.error}", last.hint)
    return Finding("sealer", "ok", f"Not running, last step {passed}: {share}.")
