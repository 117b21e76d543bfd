"""What became of the OTLP receiver: a line on the Overview, and on the welcome page how to send to it."""

from typing import Final

import streamlit as st

from obs_core.children import told
from obs_core.children.child import Child
from obs_core.settings import from_environment
from obs_core.ui import frame

_ALONE: Final = "python -m obs_core ingest"
_ICON: Final = ":material/cell_tower:"


def note() -> None:
    """One line: where OpenTelemetry programs can send, or why they can't; nothing where no dashboard keeps one."""
    child = _receiver()
    if child is None or child.state == "starting":
        return
    if _troubled(child):
        st.warning(frame.literal(_trouble(child)), icon=_ICON)
    elif child.state == "running":
        again = f" Restarts: {frame.count(child.restarts)}." if child.restarts else ""
        st.caption(f"{_ICON} OpenTelemetry programs can send to `{child.address}`.{again}")
    else:
        why = frame.literal(child.last_error or "it is switched off by OBS_OTLP.")
        st.caption(f"{_ICON} Nothing is received from OpenTelemetry programs: {why}")


def ways_to_send() -> None:
    """The two variables that every OpenTelemetry program understands."""
    child = _receiver()
    address = child.address if child is not None and child.address else from_environment().otlp_address
    lines = (f"OTEL_EXPORTER_OTLP_ENDPOINT={address}", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
    st.code("\n".join(lines), language="bash")
    if child is None or child.state == "off":
        st.caption(f"No receiver runs beside this dashboard. Start one: {frame.literal(_ALONE)}")
    elif _troubled(child):
        st.caption(frame.literal(_trouble(child)))


def _receiver() -> Child | None:
    return told.children(from_environment().log).get("ingest")


def _troubled(child: Child) -> bool:
    return child.state in ("port in use", "waiting")


def _trouble(child: Child) -> str:
    since = f"Since {frame.moment(child.since_ns, date=False)} nothing from OpenTelemetry programs is received here: "
    return f"{since}{child.last_error}"
