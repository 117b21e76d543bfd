"""One function on a page: the source that ran beside its figures, then its history, its neighbours and its calls."""

from dataclasses import replace
from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core import charts
from obs_core.clock import DAY, Window
from obs_core.query import filters, functions, inspector
from obs_core.source.raised import kind_of
from obs_core.ui import frame, links
from obs_core.ui.ask import ask, engine
from obs_core.ui.controls import Chosen
from obs_core.ui.drawing import show, timeline
from obs_core.ui.function_finder import choose
from obs_core.ui.panel import panel
from obs_core.ui.performance_card import performance_card
from obs_core.ui.plain import plain
from obs_core.ui.source_card import source_card
from obs_core.ui.table import clickable, rounded

SPANS: Final = ("24 h", "Window")
STACK: Final = 20_000
"""Characters of a stack that the page shows."""


def function_view(chosen: Chosen, function: str) -> None:
    """Draw everything about `function`."""
    st.subheader(frame.literal(plain(function, 300)), anchor=False)
    left, right = st.columns([3, 2], gap="small")
    with left:
        with panel("Source that ran"):
            failures = ask(inspector.failures, chosen, function=function)
            source_card(ask(functions.code, chosen, function=function), failures)
        with panel("Failures", "a click opens the newest trace"):
            _failures(ask(inspector.failures, chosen, function=function))
    with right, panel("Performance"):
        before = replace(chosen, window=chosen.window.before())
        performance_card(ask(functions.performance, chosen), ask(functions.performance, before), function)
    with panel("History", "drag over a chart to choose a window"):
        _history(chosen, function)
    with panel("Durations", "a click opens the slowest call of the bar"):
        _durations(ask(inspector.durations, chosen, function=function))
    callers, callees = st.columns(2, gap="small")
    with callers, panel("Called by"):
        found = ask(inspector.callers, chosen, function=function)
        _neighbours(found, "f_callers", "No caller in this window: the function begins its traces.")
    with callees, panel("Calls"):
        found = ask(inspector.callees, chosen, function=function)
        _neighbours(found, "f_callees", "It called no traced function in this window.")
    with panel("Newest calls", "a click opens the trace"):
        _recent(ask(inspector.recent, chosen, function=function))


def _history(chosen: Chosen, function: str) -> None:
    """Percentiles and calls over the last 24 h up to the window's end, or over the window itself."""
    span = st.segmented_control(
        "Time", SPANS, default=SPANS[0], required=True, key="f_span", bind="query-params", label_visibility="collapsed"
    )
    window = Window(chosen.window.to_ns - DAY, chosen.window.to_ns) if span == SPANS[0] else chosen.window
    shown = replace(chosen, window=filters.clipped(engine(), window), from_text=f"{span} {chosen.from_text}")
    history = ask(functions.history, shown, function=function)
    if not history["calls"].sum():
        st.caption("No call in this time.")
        return
    timeline(charts.latency_bands(), history, shown, key="f_latency")
    timeline(charts.calls_and_errors(), history, shown, key="f_calls")


def _durations(found: DataFrame) -> None:
    """How the durations are spread, on a logarithmic scale."""
    if found.empty:
        st.caption("No call in this window was timed.")
        return
    picked = show(charts.durations(), found, key="f_durations", selects=True).get("bar") or []
    if picked and picked[0].get("trace_id"):
        links.open_("trace_explorer", trace=picked[0]["trace_id"], span=picked[0].get("span_id"))


def _neighbours(found: DataFrame, key: str, nothing: str) -> None:
    """Callers or callees; a row that is clicked opens that function."""
    if found.empty:
        st.caption(nothing)
        return
    shown = DataFrame(
        {
            "Function": [plain(name, 200) for name in found["function"]],
            "Calls": found["calls"],
            "Errors": found["errors"],
            "P95 (ms)": rounded(found["p95_ms"]),
            "Total (ms)": rounded(found["total_ms"]),
        }
    )
    place = clickable(shown, key=key, columns={"Calls": 70, "Errors": 70, "P95 (ms)": 84, "Total (ms)": 90})
    if place is not None:
        choose(str(found["function"].iloc[place]))
        st.rerun()


def _failures(failures: DataFrame) -> None:
    """Exceptions by type, most frequent first, and the newest stack."""
    if failures.empty:
        st.caption("No call of this function failed in this window.")
        return
    kinds = failures.assign(kind=failures["exception"].map(kind_of)).groupby("kind", sort=False)
    table = kinds.agg(times=("timestamp", "size"), newest=("timestamp", "max")).join(
        kinds[["exception", "trace_id", "span_id"]].first()
    )
    table = table.sort_values("times", ascending=False).reset_index()
    shown = DataFrame(
        {
            "Times": table["times"],
            "Exception": [
                plain(text or kind, 300) for text, kind in zip(table["exception"], table["kind"], strict=True)
            ],
            "Newest": [frame.moment(int(moment)) for moment in table["newest"]],
        }
    )
    place = clickable(shown, key="f_failures", columns={"Times": 64, "Newest": 170})
    if place is not None and table["trace_id"].iloc[place]:
        links.open_("trace_explorer", trace=table["trace_id"].iloc[place], span=table["span_id"].iloc[place])
    stacks = failures["exception_stack"].dropna()
    if len(stacks):
        with st.expander("Newest stack"):
            st.code(stacks.iloc[0][:STACK], language=None)


def _recent(recent: DataFrame) -> None:
    """The newest calls with what they returned."""
    if recent.empty:
        st.caption("No call in this window.")
        return
    shown = DataFrame(
        {
            "Began": [frame.moment(int(moment)) for moment in recent["timestamp"]],
            "Status": recent["status"],
            "Duration (ms)": rounded(recent["duration_ms"]),
            "Data type": [plain(text, 100) for text in recent["data_type"]],
            "Data value": [plain(text, 300) for text in recent["data_value"]],
            "Exception": [plain(text, 300) for text in recent["exception"]],
        }
    )
    columns = {"Began": 170, "Status": 76, "Duration (ms)": 100, "Data type": 90}
    place = clickable(shown, key="f_recent", columns=columns)
    if place is not None and recent["trace_id"].iloc[place]:
        links.open_("trace_explorer", trace=recent["trace_id"].iloc[place], span=recent["span_id"].iloc[place])
