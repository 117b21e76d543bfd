"""Checks of the processes: the dashboard's children, and what fails in the watcher."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from obs_core.cli.checks.finding import Finding
from obs_core.supervisor.state import Child
from obs_core.watch import status_file


def children(known: Mapping[str, Child]) -> Iterator[Finding]:
    """Whether the receiver and the watcher of a running dashboard run."""
    if not known:
        yield Finding("children", "ok", "No dashboard runs for this log.")
    for child in known.values():
        name = {"ingest": "receiver", "watch": "watcher", "forward": "forwarder"}.get(child.name, child.name)
        if child.state in ("running", "starting"):
            restarts = f", restarted {child.restarts} times: {child.last_end}" if child.restarts else ""
            yield Finding(name, "ok", f"{child.state} (pid {child.pid}){restarts}")
        elif child.state == "off" and not child.last_error:
            yield Finding(name, "ok", "Switched off.")
        else:
            hint = "Set OBS_OTLP_PORT." if child.state == "port in use" else "See the output of the dashboard."
            yield Finding(name, "error", f"{child.state}: {child.last_error}", hint)


def watcher(log: Path) -> Iterator[Finding]:
    """What fails in the watcher, if it runs."""
    for fault in status_file.faults(log):
        text = f"{fault.part}: {fault.text} ({fault.times} times)"
        yield Finding("watcher", "warning", text, "The Alerts page shows what is affected.")
