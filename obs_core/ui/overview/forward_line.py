"""The line of the Overview about forwarding: how far it is, or why nothing is sent."""

from typing import Final

import streamlit as st

from obs_core.clock import now_ns
from obs_core.forward import status_file
from obs_core.settings import from_environment
from obs_core.supervisor import status_file as children
from obs_core.ui.kit import formatting

_ICON: Final = ":material/forward_to_inbox:"


def note() -> None:
    """Draw one line; nothing without a forwarder."""
    log = from_environment().log
    if status := status_file.read(log):
        text = formatting.escape_markdown(status.text(now_ns()))
        if status.is_failing:
            st.warning(text, icon=_ICON)
        else:
            st.caption(f"{_ICON} {text}")
    elif (child := children.children(log).get("forward")) and child.state in ("waiting", "off") and child.last_error:
        st.warning(formatting.escape_markdown(f"Rows are not forwarded: {child.last_error}"), icon=_ICON)
