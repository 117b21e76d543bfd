"""Refreshes a page at an interval: an invisible component that requests the next run.

Streamlit's `run_every` keeps running in a hidden tab and does not wait for a run that takes longer than the interval.
"""

from importlib import resources
from typing import Final

import streamlit as st

from obs_core.clock import now_ns

_component: Final = st.components.v2.component(
    "obs_auto_refresh",
    html="<span hidden>\n</span>",
    js=resources.files("obs_core.ui.kit").joinpath("web", "auto_refresh.js").read_text("utf-8"),
)


def auto_refresh(interval_s: float) -> None:
    """Rerun the enclosing fragment `interval_s` seconds after its last run was drawn, while the tab is visible."""
    with st.container(key="obs_auto_refresh"):
        data = {"interval_s": interval_s, "drawn": str(now_ns())}  # only changed data reaches the browser
        _component(key="obs_refresh", data=data, on_refresh_change=lambda: None)
