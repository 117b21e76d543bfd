"""What became of the OTLP receiver: a line on the Overview, and on the welcome page how to send to it."""

from typing import Final

import streamlit as st

from obs_core.settings import from_environment
from obs_core.supervisor import status_file
from obs_core.supervisor.state import Child
from obs_core.ui.kit import formatting

_ALONE: Final = "python -m obs_core ingest"
_ICON: Final = ":material/cell_tower:"


def note() -> None:
    """One line: where OpenTelemetry programs can send, or why they can't; nothing where no dashboard keeps one."""
    child = _receiver()
    if child is None or child.state == "starting":
        return
    if _troubled(child):
        st.warning(formatting.escape_markdown(_trouble(child)), icon=_ICON)
    elif child.state == "running":
        again = f" Restarts: {formatting.count(child.restarts)}." if child.restarts else ""
        st.caption(f"{_ICON} OpenTelemetry programs can send to `{child.address}`.{again}")
    else:
        why = formatting.escape_markdown(child.last_error or "it is switched off by OBS_OTLP.")
        st.caption(f"{_ICON} Nothing is received from OpenTelemetry programs: {why}")


def ways_to_send() -> None:
    """The two variables that every OpenTelemetry program understands."""
    child = _receiver()
    address = child.address if child is not None and child.address else from_environment().otlp_address
    lines = (f"OTEL_EXPORTER_OTLP_ENDPOINT={address}", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
    st.code("\n".join(lines), language="bash")
    if child is None or child.state == "off":
        st.caption(f"No receiver runs beside this dashboard. Start one: {formatting.escape_markdown(_ALONE)}")
    elif _troubled(child):
        st.caption(formatting.escape_markdown(_trouble(child)))


def _receiver() -> Child | None:
    return status_file.children(from_environment().log).get("ingest")


def _troubled(child: Child) -> bool:
    return child.state in ("port in use", "waiting")


def _trouble(child: Child) -> str:
    since = formatting.format_time(child.since_ns, date=False)
    return f"The OTLP receiver has been down since {since}: {child.last_error}"
