"""The head of every page in one row: title, group, window, live state, share and help.

On a phone it is two rows: the title, and below it the window next to a menu with the rest.
"""

from collections.abc import Mapping
from typing import Final

import streamlit as st

from obs_core import theme
from obs_core.errors import ObsError
from obs_core.query.questions import overview
from obs_core.ui.kit import width
from obs_core.ui.kit.fold import value_of
from obs_core.ui.kit.text import css_string
from obs_core.ui.shell import answers, controls, firing, help_sheet, layout, pause
from obs_core.ui.shell.share import share, share_section
from obs_core.ui.shell.time_picker import time_picker

GROUPS_WAIT_S: Final = 0.5
_GROUPS: Final = "_obs_groups"
_MENU: Final = "obs_menu"


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
        if width.is_narrow():
            time_picker()
            _menu(groups)
            return
        controls.draw_group(groups)
        time_picker()
        controls.draw_interval()
        _refresh()
        share()
        help_sheet.help_sheet()


def _menu(groups: list[str]) -> None:
    """Draw the menu of a narrow page; its button says which group is shown, and how often the page refreshes."""
    texts = (str(value_of("group") or "All groups"), str(value_of("every") or controls.DEFAULT_INTERVAL))
    with st.container(key="obs_menu_name"):
        st.html(f"<style>.st-key-{_MENU} button p::after {{ content: {css_string(' · '.join(texts))}; }}</style>")
    with st.popover("Controls", icon=":material/tune:", key=_MENU):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            controls.draw_group(groups)
            controls.draw_interval()
            _refresh()
        share_section()
        with st.expander("Help", icon=":material/help:"):
            help_sheet.draw_sheet()


def _refresh() -> None:
    if controls.refresh_interval_s() is None:
        pause.refresh_button(controls.page_scope())


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
