"""The performance of one function: the window compared with the one before, or one version with another."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core.query.analysis.significance import ENOUGH, NOTABLE
from obs_core.query.questions import inspector
from obs_core.ui.kit import formatting
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import rule_suggestions
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

SMALLEST: Final = 0.05
"""The smallest relative change that is marked: with many calls even 1 % is significant, but does not matter."""

RULE: Final = (
    f"Marked changes are at least {SMALLEST:.0%} and statistically significant: for a percentile, the share of calls "
    f"beyond the other side's percentile is more than {NOTABLE:.0f} standard errors above the expected one; error "
    f"rates by the two-proportion test, means by Welch's test; each with at least {ENOUGH} calls."
)


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table: its name, the column, its format, and the text for a missing value.

    `notable` is the column that says whether the change is significant, if there is one.
    """

    name: str
    column: str
    format: Callable[[float], str]
    notable: str = ""
    absent: str = formatting.NOT_MEASURED


LATENCY: Final = (
    Measure("Mean", "mean_ms", formatting.duration, "mean_notable"),
    Measure("P50", "p50_ms", formatting.duration, "p50_notable"),
    Measure("P95", "p95_ms", formatting.duration, "p95_notable"),
    Measure("P99", "p99_ms", formatting.duration, "p99_notable"),
)
MEASURES: Final = (
    Measure("Calls", "calls", formatting.count),
    Measure("Calls per second", "calls_per_s", formatting.rate),
    Measure("Error rate", "error_rate", formatting.share, "error_rate_notable"),
    *LATENCY,
    Measure("Minimum", "min_ms", formatting.duration),
    Measure("Maximum", "max_ms", formatting.duration),
    Measure("Self time, total", "self_ms", formatting.duration),
    Measure("Memory change, mean", "memory_mean", formatting.size, "memory_mean_notable", absent="not measured"),
    Measure("Memory change, P95", "memory_p95", formatting.size, absent="not measured"),
)


def performance_card(measures: DataFrame) -> None:
    """Draw the answer of `inspector.measures`."""
    sides = {bool(row["earlier"]): row for row in measures.to_dict("records")}
    now = sides.get(False)
    if now is None:
        st.info("No calls of this function in this window. Select a longer window.")
        return
    st.html(table(now, sides.get(True, {})))
    groups = [plain(group, 60) for group in (() if now["process_groups"] is None else now["process_groups"])]
    if len(groups) > 1:
        st.caption(
            formatting.escape_markdown(f"It ran in {', '.join(groups[:10])}. Select a process group to see it alone.")
        )
    st.caption(f"Before: the window of the same length directly before this one. {RULE}")


def slow_suggestions(scope: PageScope, function: str) -> list[rule_suggestions.RuleSuggestion]:
    """Suggest a rule on the latency of `function`, with a limit from its P95 in the window."""
    return rule_suggestions.latency(scope, _number(_now(scope, function), "p95_ms"), function=function)


def failure_suggestions(scope: PageScope, function: str) -> list[rule_suggestions.RuleSuggestion]:
    """Suggest rules on the error rate of `function`, with a limit from the window, and on new exception types."""
    rate = _number(_now(scope, function), "error_rate")
    return [
        rule_suggestions.error_rate(scope, rate, function=function),
        rule_suggestions.new_exception(scope, function=function),
    ]


def table(
    now: dict[Any, Any],
    before: dict[Any, Any],
    measures: Sequence[Measure] = MEASURES,
    heads: tuple[str, str] = ("This window", "Before"),
) -> str:
    """Return the measures as HTML: now, before, and the change."""
    rows = "".join(
        f"<tr><th>{measure.name}</th><td>{_cell(measure, now)}</td><td>{_cell(measure, before)}</td>"
        f"<td>{change(measure, now, before)}</td></tr>"
        for measure in measures
    )
    head = f"<tr><th></th><th>{heads[0]}</th><th>{heads[1]}</th><th>Change</th></tr>"
    body = f"<table class='obs-measures'><thead>{head}</thead><tbody>{rows}</tbody></table>"
    return f"<div class='obs-measured'>{body}</div>"


def change(measure: Measure, now: dict[Any, Any], before: dict[Any, Any]) -> str:
    """Return the relative change, marked if it is significant; empty if there is nothing to compare."""
    new, old = _number(now, measure.column), _number(before, measure.column)
    if new is None or old is None or old == 0:
        return ""
    part = (new - old) / abs(old)
    if measure.notable and now.get(measure.notable) and abs(part) >= SMALLEST:
        return f"<b class='{'worse' if part > 0 else 'better'}'>{'▲' if part > 0 else '▼'} {part:+.0%}</b>"
    return f"{part:+.0%}"


def _now(scope: PageScope, function: str) -> dict[Any, Any]:
    """The measures of the window; empty if `function` did not run in it."""
    rows = ask(inspector.measures, scope, function=function).to_dict("records")
    return next((row for row in rows if not row["earlier"]), {})


def _cell(measure: Measure, row: dict[Any, Any]) -> str:
    number = _number(row, measure.column)
    if number is None:
        return measure.absent if row else formatting.NOT_MEASURED
    return measure.format(number)


def _number(row: dict[Any, Any], column: str) -> float | None:
    value = row.get(column)
    return float(value) if isinstance(value, Real) and math.isfinite(value) else None
