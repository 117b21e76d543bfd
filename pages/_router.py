"""The frame around every page: navigation, the shared controls, and what to do while there is no log."""

import streamlit as st

from obs_core.settings import from_environment
from obs_core.ui import controls, frame, links, notes, sidebar, welcome, window_state

st.set_page_config(page_title="Observability", page_icon=frame.ICON, layout="wide", initial_sidebar_state="auto")
frame.page_style()


def home() -> None:
    """Lead to the first page: a default page would lose its own path."""
    st.switch_page(next(iter(shown.values()))[0], query_params=st.query_params.to_dict())


pages = {
    key: st.Page(f"{key}.py", title=name, icon=links.ICONS[key], url_path=key) for key, name in links.PAGES.items()
}
shown = {"Logs": [pages.pop("logs")]}
if from_environment().new_observability:
    shown = {"Observability": list(pages.values()), **shown}
start = st.Page(home, title="Observability", url_path="home", default=True, visibility="hidden")
page = st.navigation({"": [start], **shown})
if page == start:
    page.run()

given = st.query_params.to_dict()  # the first control takes away what it can't use
sidebar.draw(given)
links.follow()
if welcome.needed():
    frame.heading(page.title)
    welcome.draw()
else:
    notes.told("link_notes", once=controls.broken(given), now=controls.chosen().notes)
    page.run()
    window_state.shortcomings()
