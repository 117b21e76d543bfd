"""The sidebar under the navigation: the controls that all pages share, and where the log lies."""

from collections.abc import Mapping

import streamlit as st

from obs_core.clock import Window
from obs_core.errors import ObsError
from obs_core.query import overview
from obs_core.settings import from_environment
from obs_core.ui import ask, controls, frame


def draw(given: Mapping[str, str]) -> None:
    """Draw the controls; `given` are the link's parameters, taken before the first control was drawn."""
    with st.sidebar:
        controls.draw(_groups(given), _extent())
        st.caption(f"Times are in {frame.zone_name()}.", help=f"Log: {from_environment().log.absolute()}")


def _extent() -> Window | None:
    try:
        return ask.engine().extent()
    except ObsError:
        return None


def _groups(given: Mapping[str, str]) -> list[str]:
    """The groups that wrote in the window; none are offered while the log can't tell."""
    state = st.session_state
    from_text = state.get("from") or given.get("from") or controls.USUAL_FROM
    to_text = state.get("to") or given.get("to") or controls.USUAL_TO
    try:
        everyone = controls.chosen_of(from_text, to_text, ask.engine().extent())
        found = ask.ask(overview.groups, everyone)
    except ObsError:
        return []
    return sorted(str(group) for group in found["process_group"].dropna())
