"""Which rows, exactly?"""

import streamlit as st

from obs_core.query.questions import overview
from obs_core.ui.explorer import link_state, pinned_columns
from obs_core.ui.explorer.export_menu import export_menu
from obs_core.ui.explorer.facet_panel import facet_panel
from obs_core.ui.explorer.filter_bar import filter_bar
from obs_core.ui.explorer.trace_panel import selection_card
from obs_core.ui.explorer.trace_table import trace_table
from obs_core.ui.shell import controls, layout
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.panel import boundary, panel
from obs_core.ui.shell.scope import PageScope

layout.heading("Trace Explorer", __doc__)


@controls.live
def explorer(scope: PageScope) -> None:
    """The filters, the table and the selected row; refreshed together."""
    with link_state.in_session():
        with panel("Rows"):
            row_filter, sort, tools = filter_bar(ask(overview.processes, scope)["process"].tolist())
            with tools:
                pinned = pinned_columns.pinned()
                export_menu(scope, row_filter)
                with_facets = st.toggle("Facets", key="t_facets", bind="query-params")
            facets = st.container()
            trace_table(scope, row_filter, sort, pinned)
            if with_facets:
                with facets, boundary("Facets"):
                    facet_panel(scope, row_filter)
        selection_card(scope)


link_state.read_link()
explorer()
