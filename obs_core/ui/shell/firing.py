"""The number of firing alerts: a badge at the Alerts page in the navigation, and in the title of the browser's tab."""

from functools import lru_cache
from pathlib import Path

import streamlit as st

from obs_core.alerts.snapshot import snapshot
from obs_core.clock import SECOND, now_ns
from obs_core.errors import ObsError
from obs_core.settings import log_path
from obs_core.ui.kit.text import counted

_TITLE = "_obs_title"


def name_page(title: str) -> None:
    """Give the tab the page's name, with the number of firing alerts in front."""
    st.session_state[_TITLE] = title
    _set_title(firing_count())


def badge() -> None:
    """Draw the badge in the navigation, and keep the tab's title up to date; nothing while no alert fires.

    The badge is a style: Streamlit draws the navigation again whenever a page opens.
    """
    number = firing_count()
    _set_title(number)
    text = f'content: "{number}" / "{counted(number, "alert")} firing";' if number else "content: none;"
    rule = f"[data-testid=stSidebarNavLink][href*='/alerts']::after {{ {text} }}"
    with st.container(key="obs_firing"):
        st.html(f"<style>{rule}</style>")


def firing_count() -> int:
    """Return how many alerts fire now, as of at most two seconds ago."""
    return _count(log_path().absolute(), now_ns() // (2 * SECOND))


@lru_cache(maxsize=1)
def _count(log: Path, tick: int) -> int:
    del tick
    try:
        return snapshot(log, now_ns()).count("firing")
    except ObsError:
        return 0


def _set_title(number: int) -> None:
    title = st.session_state.get(_TITLE, "Observability")
    st.set_page_config(page_title=f"({number}) {title}" if number else title)
