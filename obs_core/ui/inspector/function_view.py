"""One function: source, performance, versions, history, callers, callees and calls."""

from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core import charts
from obs_core.clock import DAY, Window
from obs_core.query.filters import checks
from obs_core.query.questions import functions, inspector, traces, values, versions
from obs_core.ui.inspector import call_graph, calls_card
from obs_core.ui.inspector.function_finder import choose
from obs_core.ui.inspector.performance_card import failure_suggestions, performance_card, slow_suggestions
from obs_core.ui.inspector.versions_card import versions_card
from obs_core.ui.kit import formatting, navigation
from obs_core.ui.kit.text import plain
from obs_core.ui.series import stale
from obs_core.ui.shell import exactness, rule_suggestions
from obs_core.ui.shell.answers import ask, engine, log_extent
from obs_core.ui.shell.chart_view import log_switch, show, timeline
from obs_core.ui.shell.panel import boundary, panel
from obs_core.ui.shell.scope import PageScope
from obs_core.ui.shell.source_card import source_card

SPANS: Final = ("24 h", "Window")
EXEMPLARS: Final = 5


def function_view(scope: PageScope, function: str) -> None:
    """Draw everything about `function`."""

    def answer(question: Any) -> DataFrame:  # noqa: ANN401 - any question about one function
        return ask(question, scope, function=function)

    st.subheader(formatting.escape_markdown(plain(function, 300)), anchor=False)
    with boundary("Calls"):
        if not _is_known(scope, function, any(map(len, (answer(versions.list_), answer(inspector.measures))))):
            return
    left, right = st.columns([3, 2], gap="small")
    with left:
        with panel("Recorded source"):
            callees = call_graph.links(answer(inspector.callees)["function"], function, scope)
            source_card(answer(versions.list_), answer(inspector.failures), callees)
        failing = partial(failure_suggestions, scope, function)
        with panel("Errors", "select a row to open its newest trace", suggestions=failing):
            calls_card.failures_card(answer(inspector.failures))
    slow = partial(slow_suggestions, scope, function)
    with right, panel("Performance", suggestions=slow):
        performance_card(answer(inspector.measures))
    with boundary("Versions"):
        new_type = rule_suggestions.new_exception(scope, function=function)
        versions_card(scope, function, answer(versions.list_), suggestions=lambda: [*slow(), new_type])
    note = "drag over a chart to select a window"
    with panel("History", note, suggestions=lambda: [rule_suggestions.throughput(scope, function=function), *slow()]):
        _history(scope, function, answer(versions.list_))
    with panel("Durations", "select a bar to open its slowest call", suggestions=slow):
        _durations(scope, answer(inspector.durations))
    callers, callees_card = st.columns(2, gap="small")
    note, suggestions = (
        "share of the time of all calls",
        lambda: call_graph.caller_suggestions(scope, answer(inspector.callers)),
    )
    with callers, panel("Called by", note, suggestions=suggestions):
        _callers(answer(inspector.callers))
    note, suggestions = (
        "share of this function's time",
        lambda: call_graph.callee_suggestions(scope, answer(inspector.callees)),
    )
    with callees_card, panel("Calls", note, suggestions=suggestions):
        _callees(answer(inspector.callees), answer(inspector.measures))
    note = "select a row to show its readings"
    with panel(
        "Last values", note, suggestions=lambda: calls_card.value_suggestions(answer(inspector.recorded_values))
    ):
        recorded = answer(inspector.recorded_values)
        calls_card.recorded_card(recorded, stale.split(scope, ask(values.streaks, scope)) if len(recorded) else None)
    with panel("Newest calls", "select a row to open its trace", suggestions=lambda: [*slow(), *failing()]):
        calls_card.recent_card(answer(inspector.recent))


def _is_known(scope: PageScope, function: str, known: bool) -> bool:  # noqa: FBT001 - the result of the first questions
    """Whether the function ever ran, or has a recorded source; if not, say so and suggestion names that are near."""
    extent = log_extent()
    if known or extent is None:
        return True
    if ask(functions.history, replace(scope, window=extent), function=function)["calls"].sum():
        return True
    st.info("No calls and no source of a function with this name in the log.", icon=":material/search_off:")
    names = ask(functions.list_, scope)["function"].drop_duplicates().head(5_000)
    for index, near in enumerate(get_close_matches(function[:300], names, n=5, cutoff=0.5)):
        st.button(
            formatting.escape_markdown(plain(near, 200)),
            key=f"f_near_{index}",
            on_click=choose,
            args=(near,),
            type="tertiary",
        )
    return False


def _history(scope: PageScope, function: str, ran: DataFrame) -> None:
    """Percentiles and calls over the 24 h up to the window's end, or over the window, with version markers."""
    span = st.segmented_control(
        "Time", SPANS, default=SPANS[0], required=True, key="f_span", bind="query-params", label_visibility="collapsed"
    )
    window = Window(scope.window.to_ns - DAY, scope.window.to_ns) if span == SPANS[0] else scope.window
    shown = replace(scope, window=checks.clipped(engine(), window), from_text=f"{span} {scope.from_text}")
    history = ask(functions.history, shown, function=function)
    if not history["calls"].sum():
        st.caption("No calls in this period.")
        return
    exactness.switch(shown, functions.history, function=function)
    markers = version_marks(ran, shown.window)
    latency = log_switch("f_log", charts.latency_bands)
    timeline(latency, history, shown, key="f_latency", starts=markers)
    timeline(charts.calls_and_errors, history, shown, key="f_calls", starts=markers)


def version_marks(ran: DataFrame, window: Window) -> DataFrame:
    """Return markers where versions started in `window`, except the first (columns started_ns, label)."""
    later = ran[(ran["version"] > 1) & (ran["first_seen"] >= window.from_ns) & (ran["first_seen"] < window.to_ns)]
    labels = [
        f"Version {row['version']} started" + (f" (revision {plain(row['revision'], 12)})" if row["revision"] else "")
        for row in later.to_dict("records")
    ]
    return DataFrame({"started_ns": later["first_seen"].astype("int64"), "label": labels})


def _durations(scope: PageScope, buckets: DataFrame) -> None:
    """The histogram of durations, with links to the slowest calls."""
    if buckets.empty:
        st.caption("No timed calls in this window.")
        return
    shown = buckets.astype({"slowest_id": "str"})
    selected = show(charts.durations, shown, key="f_durations", selects=True).get("bar") or []
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Slowest recent calls", width="content")
        for row in buckets.iloc[::-1].head(EXEMPLARS).to_dict("records"):
            if st.button(formatting.duration(row["slowest_ms"]), key=f"f_slow_{row['slowest_id']}", type="tertiary"):
                _open_row(scope, int(row["slowest_id"]))
    if selected and selected[0].get("slowest_id") is not None:
        _open_row(scope, int(selected[0]["slowest_id"]))


def _open_row(scope: PageScope, row_id: int) -> None:
    """Open the trace of a row."""
    row = ask(traces.row, scope, id=row_id)
    if len(row) and row["trace_id"].iloc[0]:
        navigation.go_to("trace_explorer", trace=row["trace_id"].iloc[0], span=row["span_id"].iloc[0])


def _callers(callers: DataFrame) -> None:
    total = float(callers["total_ms"].sum()) if len(callers) else None
    empty = "No callers in this window: it is a root of its traces."
    call_graph.neighbours(callers, key="f_callers", empty=empty, total_ms=total)


def _callees(callees: DataFrame, measures: DataFrame) -> None:
    now = measures[~measures["earlier"].astype(bool)]
    total = formatting.number(now["total_ms"].iloc[0]) if len(now) else None
    empty = "No traced callees in this window."
    call_graph.neighbours(callees, key="f_callees", empty=empty, total_ms=total)
    if len(callees) and (sentence := call_graph.self_share(measures)):
        st.caption(f"{sentence}. Concurrent children are counted separately.")
