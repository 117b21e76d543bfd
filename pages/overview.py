"""Is it healthy right now?"""

import streamlit as st

from obs_core import charts
from obs_core.clock import DAY
from obs_core.query import functions, overview
from obs_core.ui import controls, drawing, frame, receiver, window_state
from obs_core.ui.ask import ahead, ask
from obs_core.ui.cards import cards, needed
from obs_core.ui.controls import Chosen
from obs_core.ui.groups_card import groups_card
from obs_core.ui.panel import panel
from obs_core.ui.recent_errors import exceptions, recent_errors
from obs_core.ui.slowest import slowest
from obs_core.ui.writers_card import writers_card

frame.heading("Overview", __doc__)


@controls.live
def health(chosen: Chosen) -> None:
    """Everything on the page, asked and drawn together."""
    if not window_state.holds_rows(chosen):
        return
    date = chosen.window.length_ns > DAY
    ahead(needed(chosen))
    cards(chosen)
    window_state.said(chosen)
    writers_card(chosen)
    starts = ask(overview.restarts, chosen)
    left, right = st.columns(2, gap="small")
    with left, panel("Calls and errors"):
        drawing.timeline(
            charts.calls_and_errors(), ask(functions.history, chosen), chosen, key="o_calls", starts=starts
        )
    with right, panel("Latency"):
        drawing.timeline(charts.latency_bands(), ask(functions.history, chosen), chosen, key="o_latency", starts=starts)
    left, right = st.columns([3, 2], gap="small")
    with left, panel("Recent errors", "The newest ten; a click opens its trace", key="o_room_errors"):
        recent_errors(ask(overview.recent_errors, chosen), date=date)
    with right, panel("Exceptions by type and place", key="o_room_kinds"):
        exceptions(ask(overview.exceptions, chosen), date=date)
    with panel("Process groups", "A click shows one alone"):
        groups_card(ask(overview.groups, chosen), chosen.group)
    with panel("Functions", "P95 against the window before; a click opens its code"):
        slowest(ask(functions.changes, chosen))
    receiver.note()


health()
