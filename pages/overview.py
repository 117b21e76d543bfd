"""Is it healthy right now?"""

from functools import partial

import streamlit as st

from obs_core.ui.overview import parts
from obs_core.ui.shell import by_cost, controls, layout, window_status
from obs_core.ui.shell.scope import PageScope

layout.heading("Overview", __doc__)


@controls.live
def health(scope: PageScope) -> None:
    """Draw the whole page, the parts with quick answers first."""
    if not window_status.holds_rows(scope):
        return
    figures = st.container()
    calls, latency = st.columns(2, gap="small")
    kinds = st.container()
    with st.container(key="o_errors_and_groups"):
        errors, groups = st.columns(2, gap="small")
    slow, storage = st.container(), st.container()
    shown = {
        "figures": (figures, parts.draw_figures),
        "calls": (calls, parts.draw_calls),
        "latency": (latency, parts.draw_latency),
        "issues": (kinds, parts.draw_issues),
        "errors": (errors, parts.draw_errors),
        "groups": (groups, parts.draw_groups),
        "functions": (slow, parts.draw_functions),
        "storage": (storage, parts.draw_storage),
    }
    by_cost.draw("overview", {name: (container, partial(draw, scope)) for name, (container, draw) in shown.items()})


health()
