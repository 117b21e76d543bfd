"""The parts of the Overview, each with the questions that it asks."""

from functools import partial

import streamlit as st

from obs_core import charts
from obs_core.clock import DAY
from obs_core.query.questions import functions, overview
from obs_core.settings import store_url
from obs_core.ui.overview import forward_line, storage_line
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
from obs_core.ui.shell import exactness, otlp_status, window_status
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.chart_view import log_switch, timeline
from obs_core.ui.shell.panel import panel, suggest_rules
from obs_core.ui.shell.scope import PageScope


def draw_figures(scope: PageScope) -> None:
    """Draw the stat cards, what they cover, and the writers."""
    stat_row(scope)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        window_status.scope_note(scope, writers_line(scope))
        suggest_rules("Stat cards", partial(stat_suggestions, scope))
    exactness.switch(scope, overview.summary, functions.history)
    if not store_url():
        writers_card(scope)


def draw_calls(scope: PageScope) -> None:
    """Draw calls and errors over time."""
    with panel("Calls and errors", suggestions=partial(error_suggestions, scope)):
        starts = ask(overview.restarts, scope)
        timeline(charts.calls_and_errors, ask(functions.history, scope), scope, key="o_calls", starts=starts)


def draw_latency(scope: PageScope) -> None:
    """Draw percentiles over time."""
    with panel("Latency", key="o_latency_panel", suggestions=partial(latency_suggestions, scope)):
        chart, starts = log_switch("o_log", charts.latency_bands), ask(overview.restarts, scope)
        timeline(chart, ask(functions.history, scope), scope, key="o_latency", starts=starts)


def draw_issues(scope: PageScope) -> None:
    """Draw the issues, which are exceptions by what raised them."""
    note = "Exceptions by type and raising frame, each counted once"
    with panel("Issues", note, key="o_kinds_panel", suggestions=partial(failure_suggestions, scope)):
        issues(ask(overview.exceptions, scope), scope, date=scope.window.length_ns > DAY)


def draw_errors(scope: PageScope) -> None:
    """Draw the newest errors."""
    note = "Newest 10; select a row to open its trace"
    with panel("Recent errors", note, key="o_errors_panel", suggestions=partial(failure_suggestions, scope)):
        recent_errors(ask(overview.recent_errors, scope), date=scope.window.length_ns > DAY)


def draw_groups(scope: PageScope) -> None:
    """Draw the process groups."""
    note = "Click a group to filter the page"
    with panel("Process groups", note, key="o_groups_panel", suggestions=partial(group_suggestions, scope)):
        groups_card(ask(overview.groups, scope), scope.group)


def draw_functions(scope: PageScope) -> None:
    """Draw the slowest functions and those that changed most."""
    note = "P95 compared with the window before; select a function to open its code"
    with panel("Functions", note, suggestions=partial(function_suggestions, scope)):
        slowest(ask(functions.changes, scope))


def draw_storage(scope: PageScope) -> None:  # noqa: ARG001 - of the whole log
    """Draw the archive, the receiver and the forwarder in a line each, for the whole log; a store has none of them."""
    if store_url():
        return
    storage_line.note()
    otlp_status.note()
    forward_line.note()
