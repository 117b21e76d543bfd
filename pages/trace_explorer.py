"""Which rows, exactly?"""

import streamlit as st

from obs_core.query import overview
from obs_core.ui import columns, controls, frame
from obs_core.ui.ask import ask
from obs_core.ui.export_menu import export_menu
from obs_core.ui.facet_panel import facet_panel
from obs_core.ui.filter_bar import filter_bar
from obs_core.ui.panel import boundary, panel
from obs_core.ui.trace_panel import selection_card
from obs_core.ui.trace_table import trace_table

frame.heading("Trace Explorer", __doc__)


@controls.live
def explorer(chosen: controls.Chosen) -> None:
    """The filters, the table and what was picked in it; refreshed together."""
    with panel("Rows"):
        wanted, sort, tools = filter_bar(ask(overview.processes, chosen)["process"].tolist())
        with tools:
            pinned = columns.pinned()
            export_menu(chosen, wanted)
            with_facets = st.toggle("Facets", key="t_facets", bind="query-params")
        facets = st.container()
        trace_table(chosen, wanted, sort, pinned)
        if with_facets:
            with facets, boundary("Facets"):
                facet_panel(chosen, wanted)
    selection_card(chosen)


explorer()
