"""What is in the log, row by row?"""

import streamlit as st

from obs_core.ui.explorer.comparison_menu import comparison_menu
from obs_core.ui.explorer.raw_rows import active_texts, deprecation, raw_rows, text_filter
from obs_core.ui.kit.fold import foldable
from obs_core.ui.shell import controls, layout, pause, window_status
from obs_core.ui.shell.panel import panel
from obs_core.ui.shell.scope import PageScope

layout.heading("Logs", __doc__)


@controls.live
def rows(scope: PageScope) -> None:
    """A page of the rows of the window that match the filters."""
    if not window_status.holds_rows(scope):
        return
    with panel("Rows", window_status.completeness(scope)):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            with foldable(active_texts(), key="l_fold", horizontal=True):
                row_filter, size = text_filter()
                comparison_menu(scope, row_filter)
            pause.note(scope, row_filter)
        deprecation(row_filter)
        raw_rows(scope, row_filter, size)


rows()
