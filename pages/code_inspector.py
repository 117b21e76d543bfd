"""What does this function do, and how has it behaved?"""

import streamlit as st

from obs_core.ui.inspector.function_finder import choose, function_finder
from obs_core.ui.inspector.function_view import function_view
from obs_core.ui.shell import controls, layout
from obs_core.ui.shell.panel import panel
from obs_core.ui.shell.scope import PageScope
from obs_core.ui.shell.window_status import holds_rows

layout.heading("Code Inspector", __doc__)


@controls.live
def inspector(scope: PageScope) -> None:
    """Draw the function that the link names, or the finder."""
    function = st.query_params.get("f_fn")
    if function:
        st.button("All functions", icon=":material/arrow_back:", on_click=choose, args=(None,))
        function_view(scope, function)
    elif holds_rows(scope):
        with panel("Functions"):
            function_finder(scope)


inspector()
