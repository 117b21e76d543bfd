"""The status of the OTLP receiver: a line on the Overview, and on the welcome page how to send to it."""

from typing import Final

import streamlit as st

from obs_core.settings import from_environment
from obs_core.supervisor import status_file
from obs_core.supervisor.state import Child
from obs_core.ui.kit import formatting

_COMMAND: Final = "python -m obs_core ingest"
_ICON: Final = ":material/cell_tower:"


def note() -> None:
    """Draw one line: where OpenTelemetry programs can send, or why they can't; nothing without a receiver."""
    child = _receiver()
    if child is None or child.state == "starting":
        return
    if _is_down(child):
        st.warning(formatting.escape_markdown(_down_note(child)), icon=_ICON)
    elif child.state == "running":
        reason = f" The last reason: {formatting.escape_markdown(child.last_end)}" if child.last_end else ""
        restarts = f" Restarts: {formatting.count(child.restarts)}.{reason}" if child.restarts else ""
        st.caption(f"{_ICON} OpenTelemetry programs can send to `{child.address}`.{restarts}")
    else:
        why = formatting.escape_markdown(child.last_error or "it is disabled by OBS_OTLP.")
        st.caption(f"{_ICON} The OTLP receiver is off: {why}")


def ways_to_send() -> None:
    """Draw the two environment variables that make an OpenTelemetry program send to this log."""
    child = _receiver()
    address = child.address if child is not None and child.address else from_environment().otlp_address
    lines = (f"OTEL_EXPORTER_OTLP_ENDPOINT={address}", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
    st.code("\n".join(lines), language="bash")
    if child is None or child.state == "off":
        st.caption(f"The OTLP receiver is not running. Start one: {formatting.escape_markdown(_COMMAND)}")
    elif _is_down(child):
        st.caption(formatting.escape_markdown(_down_note(child)))


def _receiver() -> Child | None:
    return status_file.children(from_environment().log).get("ingest")


def _is_down(child: Child) -> bool:
    return child.state in ("port in use", "waiting")


def _down_note(child: Child) -> str:
    since = formatting.format_time(child.since_ns, date=False)
    return f"The OTLP receiver has been down since {since}: {child.last_error}"
