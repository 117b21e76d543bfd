"""The sidebar below the navigation: the controls that all pages share, and the path of the log."""

from collections.abc import Mapping

import streamlit as st

from obs_core import charts
from obs_core.clock import Window
from obs_core.errors import ObsError
from obs_core.query.questions import overview
from obs_core.settings import from_environment
from obs_core.ui.kit import formatting
from obs_core.ui.shell import answers, controls
from obs_core.version import VERSION


def draw(given: Mapping[str, str]) -> None:
    """Draw the controls; `given` are the parameters of the link from before the first control was drawn."""
    with st.sidebar:
        controls.draw(_groups(given), _extent())
        st.caption(f"Times are in {formatting.zone_name()}.", help=f"Log: {from_environment().log.absolute()}")
        st.caption(f"obs-core {VERSION}")


def _extent() -> Window | None:
    try:
        return answers.engine().extent()
    except ObsError:
        return None


def _groups(given: Mapping[str, str]) -> list[str]:
    """The groups with rows in the window; none while the log is not readable."""
    state = st.session_state
    from_text = state.get("from") or given.get("from") or controls.DEFAULT_FROM
    to_text = state.get("to") or given.get("to") or controls.DEFAULT_TO
    try:
        everyone = controls.scope_of(from_text, to_text, answers.engine().extent())
        groups = answers.ask(overview.groups, everyone)
    except ObsError:
        return []
    names = sorted(str(group) for group in groups["process_group"].dropna())
    charts.group_colours(names)  # every page then gives colours among all groups
    return names
