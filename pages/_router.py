"""The frame around every page: navigation, shared controls, and the welcome page for a missing or empty log."""

import streamlit as st

from obs_core.settings import from_environment
from obs_core.ui.kit import navigation, notices
from obs_core.ui.shell import controls, header, layout, welcome, window_status
from obs_core.ui.shell.answers import at_one_version

st.set_page_config(page_title="Observability", page_icon=layout.ICON, layout="wide", initial_sidebar_state="auto")
layout.page_style()


def home() -> None:
    """Open the first page: a default page would lose its own path."""
    st.switch_page(next(iter(shown.values()))[0], query_params=st.query_params.to_dict())


pages = {
    key: st.Page(f"{key}.py", title=name, icon=navigation.ICONS[key], url_path=key)
    for key, name in navigation.PAGES.items()
}
shown = {"Logs": [pages.pop("logs")]}
if (settings := from_environment()).new_observability:
    new = {"Observability": list(pages.values())}
    shown = new if settings.rollout == "removed" else {**new, **shown}
start = st.Page(home, title="Observability", url_path="home", default=True, visibility="hidden")
page = st.navigation({"": [start], **shown})
if page == start:
    page.run()

given = st.query_params.to_dict()  # the first control removes the invalid ones
with at_one_version():
    is_empty = welcome.is_needed()
    header.draw(page.title, given, controls_shown=not is_empty)
    navigation.follow_pending()
    if is_empty:
        welcome.draw()
    else:
        scope = controls.page_scope()
        notices.show_notices("link_notes", once=controls.invalid_parameters(given), now=scope.notes)
        window_status.small_part(scope)
if not is_empty:
    page.run()
    window_status.log_limitations()
