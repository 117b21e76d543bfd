"""When a rule would have fired: bands over the value, each firing in a table, and how many messages that would be."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Final, NamedTuple

import numpy as np
import streamlit as st
from pandas import DataFrame

from obs_core import charts
from obs_core.alerts import backtest
from obs_core.alerts.backtest import BacktestResult, Firing, Flapping
from obs_core.alerts.deliver import webhook_store
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.alerts.rules import parsing
from obs_core.alerts.rules.model import Calls, Rule
from obs_core.clock import DAY, Window
from obs_core.query.filters import checks
from obs_core.query.questions import values
from obs_core.settings import from_environment
from obs_core.ui.alerts import chart_annotations, ledger_access, sparklines
from obs_core.ui.kit import formatting, table
from obs_core.ui.kit.text import counted, plain
from obs_core.ui.shell import chart_view
from obs_core.ui.shell.answers import ask, engine
from obs_core.ui.shell.scope import PageScope

_KEPT: Final = "_r_tried"
_BESIDE: Final = frozenset({"name", "enabled", "snoozed_until"})  # of a rule, what does not decide when it fires
_MOST: Final = 200
DAY_BEFORE: Final = "Last 24 h"
LOG: Final = "Whole log"
SPANS: Final = (DAY_BEFORE, LOG, "Window")
"""What a rule can be tried on."""


class Tried(NamedTuple):
    """A rule that was tried: what of it decides, on which window, what it would have done, and who had been told."""

    rule: str
    window: Window
    past: BacktestResult
    messages: str


def span(scope: PageScope) -> PageScope:
    """Draw the choice of what a rule is tried on; return it, for all groups: a rule knows its scope by itself.

    The last 24 hours are those of the window's end, or of the log's where that is earlier.
    """
    name = st.selectbox("Try it on", SPANS, key="r_over", bind="query-params", width=170)
    extent = engine().extent() or scope.window
    end = min(scope.window.to_ns, extent.to_ns)
    window = {DAY_BEFORE: Window(end - DAY, end), LOG: extent}.get(name, scope.window)
    return replace(scope, window=window, group=None)


def try_(rule: Rule, over: PageScope) -> None:
    """Judge the window by `rule`, and keep the result for this reader."""
    past = backtest.past(from_environment().log.absolute(), replace(rule, enabled=True), over.window)
    hooks: list[Webhook] = []
    if ledger_access.is_there():
        with ledger_access.opened() as ledger:
            hooks = webhook_store.listed(ledger)
    st.session_state[_KEPT] = Tried(_decides(rule), over.window, past, past.told(hooks))


def is_tried(rule: Rule) -> bool:
    """Whether this very rule was tried."""
    kept = st.session_state.get(_KEPT)
    return kept is not None and kept.rule == _decides(rule)


def result(rule: Rule, scope: PageScope) -> None:
    """Draw what came of trying `rule`; nothing if it was not tried as it is now."""
    if not is_tried(rule):
        return
    tried: Tried = st.session_state[_KEPT]
    firings = tried.past.firings
    st.markdown(summary(tried))
    span = f"{formatting.format_time(tried.window.from_ns)} to {formatting.format_time(tried.window.to_ns)}"
    st.caption(f"Tried on {span}. Messages are gathered, repeated and left out while it flaps, as delivery does it.")
    over = replace(scope, window=tried.window, group=None)
    picked = _picked(rule, firings)
    bands = [firing for firing in firings if picked is None or _series(firing) == picked]
    flapping = [each for each in tried.past.flapping if picked is None or _series(each) == picked]
    if (course := _course(rule, over, picked)) is not None:
        _drawn(rule, course, bands, flapping, key="r_chart")
    if firings:
        _listed(firings)


def calls_card(rule: Rule, scope: PageScope, past: BacktestResult) -> None:
    """Draw the figure that a rule about calls looks at, with the times at which it fired as bands."""
    if (course := _course(rule, replace(scope, group=None), None)) is None:
        st.caption("No call in this window that the rule looks at.")
        return
    _drawn(rule, course, past.firings, past.flapping, key="a_calls")


def summary(tried: Tried) -> str:
    """How often, for how many, with how many messages."""
    firings, flapping = tried.past.firings, len(tried.past.flapping)
    if not firings:
        return "**It would not have fired** in this window."
    series = len({_labels(firing) for firing in firings})
    flapped = f" It would have flapped {counted(flapping, 'time')}." if flapping else ""
    return (
        f"**It would have fired {counted(len(firings), 'time')}** for {counted(series, 'alert')}, "
        f"with {formatting.escape_markdown(tried.messages)}.{flapped}"
    )


def _decides(rule: Rule) -> str:
    facts = {name: value for name, value in parsing.facts_of(rule).items() if name not in _BESIDE}
    return json.dumps([asdict(rule.scope), facts], sort_keys=True, default=str)


def _labels(firing: Firing) -> str:
    return json.dumps(dict(firing.labels), sort_keys=True)


def _series(firing: Firing | Flapping) -> tuple[str, str]:
    return firing.labels.get("process", ""), firing.labels.get("data", "")


def _picked(rule: Rule, firings: Sequence[Firing]) -> tuple[str, str] | None:
    """The series to draw: the one chosen of those that fired, else the rule's own; None where it is about calls."""
    if rule.kind not in {"stale", "silent", "value"}:
        return None
    fired = Counter(series for firing in firings if all(series := _series(firing)))
    if not fired:
        return (rule.scope.process, rule.scope.data) if rule.scope.process and rule.scope.data else None
    options = [series for series, _ in fired.most_common(_MOST)]
    if len(options) == 1:
        return options[0]
    labels = {f"{plain(' · '.join(each), 200)} ({counted(fired[each], 'time')})": each for each in options}
    return labels[st.selectbox("Series that would have fired", list(labels), key="r_series", width=420)]


def _course(rule: Rule, scope: PageScope, picked: tuple[str, str] | None) -> DataFrame | None:
    """What is drawn under the bands (columns moment_ns, number): readings, or the figure of the calls."""
    if picked is not None:
        readings = ask(values.history, scope, process=picked[0], data=picked[1])
        return DataFrame({"moment_ns": readings["timestamp"], "number": readings["number"]})
    course = sparklines.figure_courses([rule], scope, slices=checks.MOST_BUCKETS).get(rule.name)
    if course is None:
        return None
    return DataFrame({"moment_ns": course.moments_ns, "number": np.asarray(course.numbers, dtype=np.float64)})


def _drawn(rule: Rule, course: DataFrame, bands: Sequence[Firing], flapping: Sequence[Flapping], *, key: str) -> None:
    if course["number"].notna().any():
        first, last = int(course["moment_ns"].iloc[0]), int(course["moment_ns"].iloc[-1])
        parts = chart_view.layered(course, chart_annotations.marks(rule, bands, flapping, first, last))
        of_calls = isinstance(rule.condition, Calls)
        chart_view.show(charts.readings(_axis(rule), "Fires", zero=of_calls), parts, key=key)


def _axis(rule: Rule) -> str:
    if not isinstance(rule.condition, Calls):
        return "Value"
    latency = f"P{rule.condition.percentile:g} (ms)"
    return {"error_rate": "Error rate (0 to 1)", "latency": latency, "throughput": "Calls per second"}[
        rule.condition.figure
    ]


def _listed(firings: Sequence[Firing]) -> None:
    newest = firings[::-1][:_MOST]
    st.dataframe(
        {
            "From": [formatting.format_time(firing.starts_ns) for firing in newest],
            "To": [
                "goes on" if firing.ends_ns is None else formatting.format_time(firing.ends_ns) for firing in newest
            ],
            "Severity": [plain(firing.labels.get("severity"), 40) for firing in newest],
            "Series": [plain(" · ".join(filter(None, _series(firing))), 200) or "all" for firing in newest],
            "Value": [plain(firing.value, 200) for firing in newest],
            "Says": [plain(firing.summary, 300) for firing in newest],
        },
        hide_index=True,
        row_height=table.ROW_HEIGHT,
        height="content" if len(newest) <= 8 else 300,  # noqa: PLR2004 - then it scrolls
    )
