"""What makes a page refresh by itself: a part of it without any size that asks for the next run.

Streamlit's own `run_every` goes on in a hidden tab and does not wait for a run that takes longer than the pace.
"""

from importlib import resources
from typing import Final

import streamlit as st

from obs_core.clock import now_ns

_component: Final = st.components.v2.component(
    "obs_heart",
    html="<span hidden>\n</span>",
    js=resources.files("obs_core.ui.kit").joinpath("web", "auto_refresh.js").read_text("utf-8"),
)


def auto_refresh(pace_s: float) -> None:
    """Have the fragment around this run again `pace_s` seconds after its run was drawn, while somebody can see it."""
    with st.container(key="obs_heart"):
        data = {"pace_s": pace_s, "drawn": str(now_ns())}  # what differs from the last run's is handed over anew
        _component(key="obs_beat", data=data, on_beat_change=lambda: None)
