"""Refreshes a page at an interval: an invisible component that requests the next run.

All sessions refresh at the same multiples of the interval, so that they can share the answers while the log grows.
Streamlit's `run_every` keeps running in a hidden tab and does not wait for a run that takes longer than the interval.
"""

from importlib import resources
from typing import Final

import streamlit as st

from obs_core.clock import SECOND, now_ns

OFFSET_NS: Final = SECOND // 4
"""Refreshes are so much later than the multiples: at these, windows move, also for a timer that is a bit early."""

_REFRESHED: Final = "_obs_refreshed"
_component: Final = st.components.v2.component(
    "obs_auto_refresh",
    html="<span hidden>\n</span>",
    js=resources.files("obs_core.ui.kit").joinpath("web", "auto_refresh.js").read_text("utf-8"),
)


def auto_refresh(interval_s: float) -> None:
    """Rerun the enclosing fragment at the next multiple of `interval_s` seconds, while the tab is visible.

    While a run is under way, the browser waits for its end: a refresh would interrupt it, and Streamlit then forgets
    the controls that were not drawn yet.
    """
    now = now_ns()
    with st.container(key="obs_auto_refresh"):
        wait_s = wait_ns(int(interval_s * SECOND), now) / SECOND
        data = {"interval_s": interval_s, "wait_s": wait_s, "drawn": str(now)}  # only changed data reaches the browser
        _component(key="obs_refresh", data=data, on_refresh_change=_note_refresh)


def wait_ns(interval_ns: int, now: int) -> int:
    """Return how long after `now` the next refresh is due: at least a quarter of the interval."""
    wait = (OFFSET_NS - now) % interval_ns
    return wait if wait >= interval_ns // 4 else wait + interval_ns


def is_refresh() -> bool:
    """Whether this run is a refresh that the page requested by itself; the first call in a run knows it."""
    return bool(st.session_state.pop(_REFRESHED, False))


def _note_refresh() -> None:
    st.session_state[_REFRESHED] = True
