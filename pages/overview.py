"""Is it healthy right now?"""

from functools import partial

import streamlit as st

from obs_core import charts
from obs_core.clock import DAY
from obs_core.query.questions import functions, overview
from obs_core.ui.overview import storage_line
from obs_core.ui.overview.groups_card import group_suggestions, groups_card
from obs_core.ui.overview.issues import issues
from obs_core.ui.overview.recent_errors import failure_suggestions, recent_errors
from obs_core.ui.overview.slowest_functions import function_suggestions, slowest
from obs_core.ui.overview.stat_row import (
    error_suggestions,
    latency_suggestions,
    stat_row,
    stat_suggestions,
    writers_line,
)
from obs_core.ui.overview.writers_card import writers_card
from obs_core.ui.shell import controls, exactness, layout, otlp_status, window_status
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.chart_view import log_switch, timeline
from obs_core.ui.shell.panel import panel, suggest_rules
from obs_core.ui.shell.scope import PageScope

layout.heading("Overview", __doc__)


@controls.live
def health(scope: PageScope) -> None:
    """Draw the whole page."""
    if not window_status.holds_rows(scope):
        return
    date = scope.window.length_ns > DAY
    stat_row(scope)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        window_status.scope_note(scope, writers_line(scope))
        suggest_rules("Stat cards", partial(stat_suggestions, scope))
    exactness.switch(scope, overview.summary, functions.history)
    writers_card(scope)
    starts = ask(overview.restarts, scope)
    left, right = st.columns(2, gap="small")
    with left, panel("Calls and errors", suggestions=partial(error_suggestions, scope)):
        timeline(charts.calls_and_errors, ask(functions.history, scope), scope, key="o_calls", starts=starts)
    with right, panel("Latency", key="o_latency_panel", suggestions=partial(latency_suggestions, scope)):
        timeline(
            log_switch("o_log", charts.latency_bands),
            ask(functions.history, scope),
            scope,
            key="o_latency",
            starts=starts,
        )
    rules = partial(failure_suggestions, scope)
    note = "Exceptions by type and raising frame, each counted once"
    with panel("Issues", note, key="o_kinds_panel", suggestions=rules):
        issues(ask(overview.exceptions, scope), scope, date=date)
    with st.container(key="o_errors_and_groups"):
        left, right = st.columns(2, gap="small")
    with (
        left,
        panel("Recent errors", "Newest 10; select a row to open its trace", key="o_errors_panel", suggestions=rules),
    ):
        recent_errors(ask(overview.recent_errors, scope), date=date)
    rules = partial(group_suggestions, scope)
    with right, panel("Process groups", "Click a group to filter the page", key="o_groups_panel", suggestions=rules):
        groups_card(ask(overview.groups, scope), scope.group)
    note = "P95 compared with the window before; select a function to open its code"
    with panel("Functions", note, suggestions=partial(function_suggestions, scope)):
        slowest(ask(functions.changes, scope))
    storage_line.note()
    otlp_status.note()


health()
