"""The check of forwarding: whether the settings can be used, and what a running forwarder does."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from obs_core.cli.checks.finding import Finding
from obs_core.errors import PermanentFailure
from obs_core.forward import status_file
from obs_core.forward.endpoint import endpoint_of
from obs_core.settings import Settings
from obs_core.supervisor.state import Child

_CHECK = "forwarding"


def forwarding(settings: Settings, log: Path, children: Mapping[str, Child], now_ns: int) -> Iterator[Finding]:
    """How far the log was forwarded, and why it is not; nothing if it is not switched on."""
    if status := status_file.read(log):
        hint = "Nothing is lost: rows wait in the log (OBS_FORWARD_HOLD)." if status.is_failing else ""
        yield Finding(_CHECK, "warning" if status.is_failing else "ok", status.text(now_ns), hint)
        return
    if not settings.forward:
        return
    try:
        endpoint = endpoint_of(settings)
        endpoint.tls()
    except PermanentFailure as error:
        yield Finding(_CHECK, "error", error.message, error.hint)
        return
    if "forward" not in children:  # the check of the dashboard's child processes says what happened to it
        hint = "Start the dashboard, or: python -m obs_core forward"
        yield Finding(_CHECK, "warning", f"Nothing is sent to {endpoint.name}: no forwarder runs for this log.", hint)
