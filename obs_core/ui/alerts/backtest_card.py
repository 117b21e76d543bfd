"""Backtest results: the firings as bands over the value and as a table, and the number of messages."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
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
from obs_core.alerts.rules.kinds import KINDS
from obs_core.alerts.rules.model import Rule
from obs_core.clock import DAY, Window
from obs_core.query.filters import checks
from obs_core.query.questions import values
from obs_core.settings import from_environment
from obs_core.ui.alerts import chart_annotations, ledger_access, sparklines
from obs_core.ui.kit import formatting, table
from obs_core.ui.kit.text import counted, plain
from obs_core.ui.shell import chart_view
from obs_core.ui.shell.answers import ask, log_extent
from obs_core.ui.shell.scope import PageScope

_RESULT: Final = "_r_backtest"
_NO_EFFECT: Final = frozenset({"name", "enabled", "snoozed_until"})  # settings that do not change when a rule fires
_MOST: Final = 200
DAY_BEFORE: Final = "Last 24 h"
LOG: Final = "Whole log"
SPANS: Final = (DAY_BEFORE, LOG, "Window")
"""The periods that a rule can be backtested on."""


class Backtest(NamedTuple):
    """One backtest: the rule's settings as text, the window, the result, and how many messages webhooks would get."""

    rule: str
    window: Window
    result: BacktestResult
    messages: str


def span(scope: PageScope) -> PageScope:
    """Draw the choice of the backtest's period; return it for all groups, because a rule has its own scope.

    The last 24 hours end with the window, or with the log if that is earlier.
    """
    name = st.selectbox("Backtest on", SPANS, key="r_over", bind="query-params", width=170)
    extent = log_extent() or scope.window
    end_ns = min(scope.window.to_ns, extent.to_ns)
    window = {DAY_BEFORE: Window(end_ns - DAY, end_ns), LOG: extent}.get(name, scope.window)
    return replace(scope, window=window, group=None)


def run(rule: Rule, over: PageScope) -> None:
    """Backtest `rule` on a window, and keep the result for this session."""
    past = backtest.backtest(from_environment().log.absolute(), replace(rule, enabled=True), over.window)
    webhooks: list[Webhook] = []
    if ledger_access.is_there():
        with ledger_access.opened() as connection:
            webhooks = webhook_store.listed(connection)
    st.session_state[_RESULT] = Backtest(_settings(rule), over.window, past, past.message_summary(webhooks))


def is_tested(rule: Rule) -> bool:
    """Whether the rule was backtested with its current settings."""
    last = st.session_state.get(_RESULT)
    return last is not None and last.rule == _settings(rule)


def result(rule: Rule, scope: PageScope) -> None:
    """Draw the result of the backtest; nothing if the rule has changed since."""
    if not is_tested(rule):
        return
    tested: Backtest = st.session_state[_RESULT]
    firings = tested.result.firings
    st.markdown(summary(tested))
    period = f"{formatting.format_time(tested.window.from_ns)} to {formatting.format_time(tested.window.to_ns)}"
    st.caption(f"Backtested on {period}. Grouping, repeats and flap suppression are the same as in delivery.")
    over = replace(scope, window=tested.window, group=None)
    series = _selected_series(rule, firings)
    bands = [firing for firing in firings if series is None or _series(firing) == series]
    flapping = [period for period in tested.result.flapping if series is None or _series(period) == series]
    if (readings := _readings(rule, over, series)) is not None:
        _chart(rule, readings, bands, flapping, key="r_chart")
    if firings:
        _firing_table(firings)


def calls_card(rule: Rule, scope: PageScope, past: BacktestResult) -> None:
    """Draw the figure of a rule on calls, with the times at which it fired as bands."""
    if (readings := _readings(rule, replace(scope, group=None), None)) is None:
        st.caption("No calls in this window match the rule.")
        return
    _chart(rule, readings, past.firings, past.flapping, key="a_calls")


def summary(tested: Backtest) -> str:
    """Describe how often the rule would have fired, for how many alerts, with how many messages."""
    firings, flapping = tested.result.firings, len(tested.result.flapping)
    if not firings:
        return "**It would not have fired** in this window."
    alerts = len({_labels(firing) for firing in firings})
    flapped = f" It would have flapped {counted(flapping, 'time')}." if flapping else ""
    return (
        f"**It would have fired {counted(len(firings), 'time')}** for {counted(alerts, 'alert')}, "
        f"with {formatting.escape_markdown(tested.messages)}.{flapped} {tested.result.when_saved}"
    )


def _settings(rule: Rule) -> str:
    """The settings that decide when the rule fires."""
    table = {name: value for name, value in parsing.rule_table(rule).items() if name not in _NO_EFFECT}
    return json.dumps([asdict(rule.scope), table], sort_keys=True, default=str)


def _labels(firing: Firing) -> str:
    return json.dumps(dict(firing.labels), sort_keys=True)


def _series(period: Firing | Flapping) -> tuple[str, str]:
    return period.labels.get("process", ""), period.labels.get("data", "")


def _selected_series(rule: Rule, firings: Sequence[Firing]) -> tuple[str, str] | None:
    """The series to draw: the selected one of those that fired, else the rule's own; None if it reads no values."""
    if KINDS[rule.kind].reads != "values":
        return None
    fired = Counter(series for firing in firings if all(series := _series(firing)))
    if not fired:
        return (rule.scope.process, rule.scope.data) if rule.scope.process and rule.scope.data else None
    options = [series for series, _ in fired.most_common(_MOST)]
    if len(options) == 1:
        return options[0]
    labels = {f"{plain(' · '.join(series), 200)} ({counted(fired[series], 'time')})": series for series in options}
    return labels[st.selectbox("Series that would have fired", list(labels), key="r_series", width=420)]


def _readings(rule: Rule, scope: PageScope, series: tuple[str, str] | None) -> DataFrame | None:
    """The line of the chart (columns time_ns, number): readings of a series, or the figure of calls."""
    if series is not None:
        readings = ask(values.history, scope, process=series[0], data=series[1])
        return DataFrame({"time_ns": readings["timestamp"], "number": readings["number"]})
    trend = sparklines.figure_trends([rule], scope, slices=checks.MOST_BUCKETS).get(rule.name)
    if trend is None:
        return None
    return DataFrame({"time_ns": trend.timestamps_ns, "number": np.asarray(trend.numbers, dtype=np.float64)})


def _chart(rule: Rule, readings: DataFrame, bands: Sequence[Firing], flapping: Sequence[Flapping], *, key: str) -> None:
    if readings["number"].notna().any():
        first_ns, last_ns = int(readings["time_ns"].iloc[0]), int(readings["time_ns"].iloc[-1])
        annotations = chart_annotations.annotations(rule, bands, flapping, first_ns, last_ns)
        kind = KINDS[rule.kind]
        axis = kind.axis.format(**asdict(rule.condition))  # type: ignore[call-overload] # a dataclass
        zero = kind.reads == "calls"
        chart_view.show(
            partial(charts.readings, axis, "Fires", zero=zero), chart_view.layered(readings, annotations), key=key
        )


def _firing_table(firings: Sequence[Firing]) -> None:
    newest = firings[::-1][:_MOST]
    st.dataframe(
        {
            "From": [formatting.format_time(firing.starts_ns) for firing in newest],
            "To": [
                "ongoing" if firing.ends_ns is None else formatting.format_time(firing.ends_ns) for firing in newest
            ],
            "Severity": [plain(firing.labels.get("severity"), 40) for firing in newest],
            "Series": [plain(" · ".join(filter(None, _series(firing))), 200) or "all" for firing in newest],
            "Value": [plain(firing.value, 200) for firing in newest],
            "Summary": [plain(firing.summary, 300) for firing in newest],
        },
        hide_index=True,
        row_height=table.ROW_HEIGHT,
        height="content" if len(newest) <= 8 else 300,  # noqa: PLR2004 - then it scrolls
    )
