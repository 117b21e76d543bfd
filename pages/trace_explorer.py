"""Which rows, exactly?"""

from dataclasses import replace

import streamlit as st

from obs_core.ui.explorer import link_state, pinned_columns, views
from obs_core.ui.explorer.export_menu import export_menu
from obs_core.ui.explorer.facet_panel import facet_panel
from obs_core.ui.explorer.filter_bar import filter_bar, processes
from obs_core.ui.explorer.rows_over_time import rows_over_time
from obs_core.ui.explorer.trace_table import trace_table
from obs_core.ui.explorer.trace_view import list_tools, selection_view
from obs_core.ui.shell import controls, layout
from obs_core.ui.shell.panel import boundary, panel
from obs_core.ui.shell.scope import PageScope

layout.heading("Trace Explorer", __doc__)


@controls.live
def explorer(scope: PageScope) -> None:
    """The view of the selection, the filters and the table; refreshed together."""
    with link_state.in_session():
        given = st.query_params.to_dict()
        with st.container():  # always there: a table that moves within the page would be loaded again
            view_tools = selection_view(scope)
        with panel(views.selected()):
            views.draw()
            row_filter, sort, tools = filter_bar(processes(scope), given, scope)
            row_filter = views.limited(row_filter)
            with tools:
                pinned = pinned_columns.pinned(scope)
                export_menu(scope, row_filter)
                with_facets = st.toggle("Facets", key="t_facets", bind="query-params")
            over_time = st.container()
            facets = st.container()
            rows = trace_table(scope, row_filter, sort, pinned, traces_only=views.selected() == views.TRACES)
            if view_tools is not None:
                list_tools(view_tools, scope, row_filter, rows)
            with over_time, boundary("Rows over time"):
                rows_over_time(scope, replace(row_filter, roots=False))
            if with_facets:
                with facets, boundary("Facets"):
                    facet_panel(scope, row_filter)


link_state.read_link()
views.read_link()
explorer()
