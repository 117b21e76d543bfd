"""One function on a page: the source that ran beside its figures, then its versions, history, neighbours and calls."""

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
from obs_core.ui.inspector.source_card import source_card
from obs_core.ui.inspector.versions_card import versions_card
from obs_core.ui.kit import formatting, navigation
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import rule_suggestions
from obs_core.ui.shell.answers import ask, engine
from obs_core.ui.shell.chart_view import show, timeline
from obs_core.ui.shell.panel import boundary, panel
from obs_core.ui.shell.scope import PageScope

SPANS: Final = ("24 h", "Window")
EXEMPLARS: Final = 5


def function_view(scope: PageScope, function: str) -> None:
    """Draw everything about `function`."""

    def found(question: Any) -> DataFrame:  # noqa: ANN401 - any question about one function
        return ask(question, scope, function=function)

    st.subheader(formatting.escape_markdown(plain(function, 300)), anchor=False)
    with boundary("Calls"):
        if not _is_known(scope, function, any(map(len, (found(versions.list_), found(inspector.measures))))):
            return
    left, right = st.columns([3, 2], gap="small")
    with left:
        with panel("Source that ran"):
            callees = call_graph.links(found(inspector.callees)["function"], function, scope)
            source_card(found(versions.list_), found(inspector.failures), callees)
        failing = partial(failure_suggestions, scope, function)
        with panel("Failures", "a click opens the newest trace", suggestions=failing):
            calls_card.failures_card(found(inspector.failures))
    slow = partial(slow_suggestions, scope, function)
    with right, panel("Performance", suggestions=slow):
        performance_card(found(inspector.measures))
    with boundary("Versions"):
        anew = rule_suggestions.new_exception(scope, function=function)
        versions_card(scope, function, found(versions.list_), suggestions=lambda: [*slow(), anew])
    note = "drag over a chart to choose a window"
    with panel("History", note, suggestions=lambda: [rule_suggestions.throughput(scope, function=function), *slow()]):
        _history(scope, function, found(versions.list_))
    with panel("Durations", "a click opens the slowest call of the bar", suggestions=slow):
        _durations(scope, found(inspector.durations))
    callers, callees_card = st.columns(2, gap="small")
    note, suggestions = (
        "share of the time of the calls",
        lambda: call_graph.caller_suggestions(scope, found(inspector.callers)),
    )
    with callers, panel("Called by", note, suggestions=suggestions):
        _callers(found(inspector.callers))
    note, suggestions = (
        "share of this function's time",
        lambda: call_graph.callee_suggestions(scope, found(inspector.callees)),
    )
    with callees_card, panel("Calls", note, suggestions=suggestions):
        _callees(found(inspector.callees), found(inspector.measures))
    note = "a click shows the readings"
    with panel("Last values", note, suggestions=lambda: calls_card.value_suggestions(found(inspector.recorded_values))):
        recorded = found(inspector.recorded_values)
        calls_card.recorded_card(recorded, ask(values.streaks, scope) if len(recorded) else None)
    with panel("Newest calls", "a click opens the trace", suggestions=lambda: [*slow(), *failing()]):
        calls_card.recent_card(found(inspector.recent))


def _is_known(scope: PageScope, function: str, known: bool) -> bool:  # noqa: FBT001 - what was found of it so far
    """Whether the function ever ran, or has a recorded source; if not, say so and suggestion names that are near."""
    extent = engine().extent()
    if known or extent is None:
        return True
    if ask(functions.history, replace(scope, window=extent), function=function)["calls"].sum():
        return True
    st.info("No call of a function of this name is in the log, and no source of it.", icon=":material/search_off:")
    names = ask(functions.list_, scope)["function"].drop_duplicates().head(5_000)
    for place, near in enumerate(get_close_matches(function[:300], names, n=5, cutoff=0.5)):
        st.button(
            formatting.escape_markdown(plain(near, 200)),
            key=f"f_near_{place}",
            on_click=choose,
            args=(near,),
            type="tertiary",
        )
    return False


def _history(scope: PageScope, function: str, ran: DataFrame) -> None:
    """Percentiles and calls over the last 24 h up to the window's end, or over the window; where versions began."""
    span = st.segmented_control(
        "Time", SPANS, default=SPANS[0], required=True, key="f_span", bind="query-params", label_visibility="collapsed"
    )
    window = Window(scope.window.to_ns - DAY, scope.window.to_ns) if span == SPANS[0] else scope.window
    shown = replace(scope, window=checks.clipped(engine(), window), from_text=f"{span} {scope.from_text}")
    history = ask(functions.history, shown, function=function)
    if not history["calls"].sum():
        st.caption("No call in this time.")
        return
    begun = version_marks(ran, shown.window)
    timeline(charts.latency_bands(), history, shown, key="f_latency", starts=begun)
    timeline(charts.calls_and_errors(), history, shown, key="f_calls", starts=begun)


def version_marks(ran: DataFrame, window: Window) -> DataFrame:
    """Where in `window` versions began, the first one apart (columns started_ns, label)."""
    later = ran[(ran["version"] > 1) & (ran["first_seen"] >= window.from_ns) & (ran["first_seen"] < window.to_ns)]
    labels = [
        f"Version {row['version']} began" + (f" (revision {plain(row['revision'], 12)})" if row["revision"] else "")
        for row in later.to_dict("records")
    ]
    return DataFrame({"started_ns": later["first_seen"].astype("int64"), "label": labels})


def _durations(scope: PageScope, found: DataFrame) -> None:
    """How the durations are spread, on a logarithmic scale."""
    if found.empty:
        st.caption("No call in this window was timed.")
        return
    picked = show(charts.durations(), found, key="f_durations", selects=True).get("bar") or []
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Slowest of the last bars", width="content")
        for row in found.iloc[::-1].head(EXEMPLARS).to_dict("records"):
            if st.button(formatting.duration(row["slowest_ms"]), key=f"f_slow_{row['slowest_id']}", type="tertiary"):
                _open_row(scope, int(row["slowest_id"]))
    if picked and picked[0].get("slowest_id") is not None:
        _open_row(scope, int(picked[0]["slowest_id"]))


def _open_row(scope: PageScope, row_id: int) -> None:
    """Go to the trace of a row."""
    row = ask(traces.row, scope, id=row_id)
    if len(row) and row["trace_id"].iloc[0]:
        navigation.go_to("trace_explorer", trace=row["trace_id"].iloc[0], span=row["span_id"].iloc[0])


def _callers(found: DataFrame) -> None:
    total = float(found["total_ms"].sum()) if len(found) else None
    nothing = "No caller in this window: the function begins its traces."
    call_graph.neighbours(found, key="f_callers", nothing=nothing, total_ms=total)


def _callees(found: DataFrame, measures: DataFrame) -> None:
    now = measures[~measures["earlier"].astype(bool)]
    total = formatting.number(now["total_ms"].iloc[0]) if len(now) else None
    nothing = "It called no traced function in this window."
    call_graph.neighbours(found, key="f_callees", nothing=nothing, total_ms=total)
    if len(found) and (words := call_graph.self_share(measures)):
        st.caption(f"{words}. What runs side by side counts each for itself.")
