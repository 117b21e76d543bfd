"""Links between the pages, and what each selects on the page that it opens.

The window and the group are in the router's controls, so every link keeps them.
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
_PENDING: Final = "_obs_pending_page"


def page_link(
    page: str, *, label: str = "", icon: str | None = None, hover: str | None = None, **selected: str | None
) -> None:
    """Draw a link to `page` (a key of `PAGES`) with the parameters `selected`; those that are None are omitted."""
    st.page_link(f"{page}.py", label=label or PAGES[page], icon=icon, help=hover, query_params=_given(selected))


def go_to(page: str, **selected: str | None) -> None:
    """Open `page` now. Inside a fragment this starts a full run, in which the router switches the page.

    (`st.switch_page` in a fragment's run would remove the router's parameters from the URL.)
    """
    st.session_state[_PENDING] = (page, _given(selected))
    st.rerun()


def follow_pending() -> None:
    """Open the page that `go_to` requested, if any; the router calls this after it drew its controls."""
    if (target := st.session_state.pop(_PENDING, None)) is not None:
        page, selected = target
        st.switch_page(f"{page}.py", query_params=selected)


def update_link(**parameters: str | None) -> None:
    """Set parameters of the current page's link in one step, and remove those that are None.

    Each change is a message to the browser and an entry in its history. A parameter that is bound to a control of the
    last run (its key is in the session) can't be removed: Streamlit removes it with its control after this run.
    """
    for name in (name for name, text in parameters.items() if text is None):
        if name in st.query_params and name not in st.session_state:
            st.query_params.pop(name)
    changed = {name: text for name, text in _given(parameters).items() if st.query_params.get(name) != text}
    if changed:
        st.query_params.update(changed)


def _given(selected: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in selected.items() if value is not None}
