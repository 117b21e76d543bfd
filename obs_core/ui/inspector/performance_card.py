"""How one function behaved in the window, beside the window before it; or under one version, beside another."""

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
"""The relative change from which on one is marked: of many calls, a difference of 1 % is no chance and no matter."""

RULE: Final = (
    f"Marked is a change of {SMALLEST:.0%} or more that is no chance: a percentile where the share of calls beyond the "
    f"other's percentile lies more than {NOTABLE:.0f} standard errors above its due, the error rate by the test of two "
    f"proportions, means by Welch's; each of {ENOUGH} calls or more."
)


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table: its name, the column, how it is written, and what stands where there is none.

    `notable` is the column that says whether its change is more than noise, if one does.
    """

    name: str
    column: str
    written: Callable[[float], str]
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
    Measure("Self time, in all", "self_ms", formatting.duration),
    Measure("Memory change, mean", "memory_mean", formatting.size, "memory_mean_notable", absent="not measured"),
    Measure("Memory change, P95", "memory_p95", formatting.size, absent="not measured"),
)


def performance_card(measures: DataFrame) -> None:
    """Draw the answer of `inspector.measures`."""
    sides = {bool(row["earlier"]): row for row in measures.to_dict("records")}
    now = sides.get(False)
    if now is None:
        st.info("No call of this function in this window. Choose a longer one in the sidebar.")
        return
    st.html(table(now, sides.get(True, {})))
    groups = [plain(group, 60) for group in now["process_groups"]]
    if len(groups) > 1:
        st.caption(
            formatting.escape_markdown(f"It ran in {', '.join(groups[:10])}: choose a process group to see one alone.")
        )
    st.caption(f"Before: the window of the same length that ends where this one begins. {RULE}")


def slow_suggestions(scope: PageScope, function: str) -> list[rule_suggestions.RuleSuggestion]:
    """A rule on how long `function` takes, with a limit from its P95 in the window."""
    return rule_suggestions.latency(scope, _number(_now(scope, function), "p95_ms"), function=function)


def failure_suggestions(scope: PageScope, function: str) -> list[rule_suggestions.RuleSuggestion]:
    """Rules on how often `function` fails, with a limit from its error rate in the window, and on what it raises."""
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
    """The measures as HTML: now, before, and the change."""
    rows = "".join(
        f"<tr><th>{measure.name}</th><td>{_written(measure, now)}</td><td>{_written(measure, before)}</td>"
        f"<td>{change(measure, now, before)}</td></tr>"
        for measure in measures
    )
    head = f"<tr><th></th><th>{heads[0]}</th><th>{heads[1]}</th><th>Change</th></tr>"
    body = f"<table class='obs-measures'><thead>{head}</thead><tbody>{rows}</tbody></table>"
    return f"<style>{_CSS}</style><div class='obs-measured'>{body}</div>"


def change(measure: Measure, now: dict[Any, Any], before: dict[Any, Any]) -> str:
    """The relative change, with a mark where it is more than noise; nothing where there is nothing to compare."""
    new, old = _number(now, measure.column), _number(before, measure.column)
    if new is None or old is None or old == 0:
        return ""
    part = (new - old) / abs(old)
    if measure.notable and now.get(measure.notable) and abs(part) >= SMALLEST:
        return f"<b class='{'worse' if part > 0 else 'better'}'>{'▲' if part > 0 else '▼'} {part:+.0%}</b>"
    return f"{part:+.0%}"


def _now(scope: PageScope, function: str) -> dict[Any, Any]:
    """The measures of the window; nothing where `function` did not run in it."""
    rows = ask(inspector.measures, scope, function=function).to_dict("records")
    return next((row for row in rows if not row["earlier"]), {})


def _written(measure: Measure, row: dict[Any, Any]) -> str:
    number = _number(row, measure.column)
    if number is None:
        return measure.absent if row else formatting.NOT_MEASURED
    return measure.written(number)


def _number(row: dict[Any, Any], column: str) -> float | None:
    value = row.get(column)
    return float(value) if isinstance(value, Real) and math.isfinite(value) else None


_CSS: Final = (
    ".obs-measured{overflow-x:auto}"
    ".obs-measures{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px}"
    ".obs-measures th,.obs-measures td{padding:5px 8px;border-bottom:1px solid light-dark(#dde3ea,#2b333d);"
    "text-align:right;font-weight:400;white-space:nowrap}"
    ".obs-measures th:first-child{text-align:left;padding-left:0;white-space:normal}"
    ".obs-measures thead th{color:light-dark(#5f6b7a,#98a3b3)}"
    ".obs-measures td:nth-child(2){font-weight:600}"
    ".obs-measures .worse{color:light-dark(#b84e00,#ff9d5c)}.obs-measures .better{color:light-dark(#00704f,#4cc9a4)}"
    "@media(max-width:640px){.obs-measures{font-size:13px}.obs-measures th,.obs-measures td{padding:5px 0 5px 8px}}"
)
