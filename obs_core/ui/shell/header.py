"""The head of every page in one row: title, group, window, live state, share and help."""

from collections.abc import Mapping
from typing import Final

import streamlit as st

from obs_core import theme
from obs_core.errors import ObsError
from obs_core.query.questions import overview
from obs_core.ui.kit import width
from obs_core.ui.shell import answers, controls, firing, help_sheet, layout, pause
from obs_core.ui.shell.share import share
from obs_core.ui.shell.time_picker import time_picker

GROUPS_WAIT_S: Final = 0.5
_GROUPS: Final = "_obs_groups"


def draw(title: str, given: Mapping[str, str], *, controls_shown: bool) -> None:
    """Draw the row; `given` are the parameters of the link from before the first control was drawn.

    Without `controls_shown` (a log without rows) it is the title alone; the controls keep their values.
    """
    groups = _groups(given)
    controls.draw_window()
    firing.name_page(title)
    width.watch()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="obs_bar"):
        layout.title_slot(title)
        if not controls_shown:
            return
        controls.draw_group(groups)
        time_picker()
        controls.draw_interval()
        if controls.refresh_interval_s() is None:
            pause.refresh_button(controls.page_scope())
        share()
        help_sheet.help_sheet()


def _groups(given: Mapping[str, str]) -> list[str]:
    """The groups with rows in the window; those of the last run while they are not known: the page does not wait."""
    try:
        everyone = controls.scope_of(*controls.window_texts(given), answers.log_extent())
        groups = answers.ask_soon(overview.groups, everyone, wait_s=GROUPS_WAIT_S)
    except ObsError:
        groups = None
    if groups is None:
        return list(st.session_state.get(_GROUPS, ()))
    names = st.session_state[_GROUPS] = sorted(str(group) for group in groups["process_group"].dropna())
    theme.group_colours(names)  # every page then gives colours among all groups
    return names
