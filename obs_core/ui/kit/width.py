"""Whether the page is as narrow as a phone: an invisible component reports it. Tables then reorder their columns."""

from importlib import resources
from typing import Final

import streamlit as st

NARROW_PX: Final = 640

_KEY: Final = "obs_width"
_component: Final = st.components.v2.component(
    "obs_width",
    html="<span hidden>\n</span>",
    js=resources.files("obs_core.ui.kit").joinpath("web", "width.js").read_text("utf-8"),
)


def watch() -> None:
    """Follow the width of the page. A narrow page runs once more after it was opened, others do not."""
    with st.container(key="obs_width_report"):
        data = {"narrow": is_narrow(), "narrow_px": NARROW_PX}
        _component(key=_KEY, data=data, on_narrow_change=lambda: None)


def is_narrow() -> bool:
    """Whether the page is at most `NARROW_PX` wide, as far as its browser has reported."""
    return bool((st.session_state.get(_KEY) or {}).get("narrow"))
