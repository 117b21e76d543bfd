"""Ways from one page to another, with what they select there.

The window and the group stand in the router's controls and come along by themselves.
"""

from typing import Final

import streamlit as st

PAGES: Final = {
    "overview": "Overview",
    "trace_explorer": "Trace Explorer",
    "code_inspector": "Code Inspector",
    "alerts": "Alerts",
    "logs": "Logs",
}
ICONS: Final = {
    "overview": ":material/monitoring:",
    "trace_explorer": ":material/account_tree:",
    "code_inspector": ":material/code:",
    "alerts": ":material/notifications:",
    "logs": ":material/subject:",
}
_WAITING: Final = "_obs_goes_to"


def page_link(
    page: str, *, label: str = "", icon: str | None = None, hover: str | None = None, **selected: str | None
) -> None:
    """Draw a link to `page` (a key of `PAGES`) with its parameters `selected`; those that are None are left out."""
    st.page_link(f"{page}.py", label=label or PAGES[page], icon=icon, help=hover, query_params=_given(selected))


def go_to(page: str, **selected: str | None) -> None:
    """Go to `page` now. From inside a fragment, the router goes there in the full run that this starts.

    (`st.switch_page` within a fragment's run takes the router's parameters out of the URL.)
    """
    st.session_state[_WAITING] = (page, _given(selected))
    st.rerun()


def follow_pending() -> None:
    """Go where `go_to` said, if it did; the router calls this once its controls are drawn."""
    if (goal := st.session_state.pop(_WAITING, None)) is not None:
        page, selected = goal
        st.switch_page(f"{page}.py", query_params=selected)


def update_link(**parts: str | None) -> None:
    """Set parts of the page's own link, all at once, and take away those that are None.

    Each change is a message to the browser and a step of its history.
    """
    for name in (name for name, part in parts.items() if part is None):
        st.query_params.pop(name, None)
    changed = {name: part for name, part in _given(parts).items() if st.query_params.get(name) != part}
    if changed:
        st.query_params.update(changed)


def _given(selected: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in selected.items() if value is not None}
