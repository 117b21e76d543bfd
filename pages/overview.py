"""Is it healthy right now?"""

from functools import partial

import streamlit as st

from obs_core import charts
from obs_core.clock import DAY
from obs_core.query import functions, overview
from obs_core.ui import controls, drawing, frame, receiver, window_state
from obs_core.ui.ask import ahead, ask
from obs_core.ui.cards import cards, error_offers, latency_offers, needed, offers
from obs_core.ui.controls import Chosen
from obs_core.ui.groups_card import group_offers, groups_card
from obs_core.ui.panel import offered, panel
from obs_core.ui.recent_errors import exceptions, failure_offers, recent_errors
from obs_core.ui.slowest import function_offers, slowest
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
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        window_state.said(chosen)
        offered("Figures", partial(offers, chosen))
    writers_card(chosen)
    starts = ask(overview.restarts, chosen)
    left, right = st.columns(2, gap="small")
    with left, panel("Calls and errors", offers=partial(error_offers, chosen)):
        drawing.timeline(
            charts.calls_and_errors(), ask(functions.history, chosen), chosen, key="o_calls", starts=starts
        )
    with right, panel("Latency", offers=partial(latency_offers, chosen)):
        drawing.timeline(charts.latency_bands(), ask(functions.history, chosen), chosen, key="o_latency", starts=starts)
    left, right = st.columns([3, 2], gap="small")
    raised = partial(failure_offers, chosen)
    with left, panel("Recent errors", "The newest ten; a click opens its trace", key="o_room_errors", offers=raised):
        recent_errors(ask(overview.recent_errors, chosen), date=date)
    with right, panel("Exceptions by type and place", key="o_room_kinds", offers=raised):
        exceptions(ask(overview.exceptions, chosen), date=date)
    with panel("Process groups", "A click shows one alone", offers=partial(group_offers, chosen)):
        groups_card(ask(overview.groups, chosen), chosen.group)
    note = "P95 against the window before; a click opens its code"
    with panel("Functions", note, offers=partial(function_offers, chosen)):
        slowest(ask(functions.changes, chosen))
    receiver.note()


health()
