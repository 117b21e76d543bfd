"""The sparkline of each alert in a table: its value or call figure over the window, with its firing time shaded.

One question answers for all series and one for all call figures, so a hundred alerts cost as much as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from itertools import pairwise
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import streamlit as st

from obs_core import theme
from obs_core.alerts.rules.model import Rule
from obs_core.alerts.rules.sliding_window import Calls
from obs_core.alerts.snapshot import AlertView
from obs_core.clock import SECOND, Window, iso_ns
from obs_core.query.filters import checks
from obs_core.query.questions import functions, values
from obs_core.ui.kit import formatting, stat_card
from obs_core.ui.shell.answers import ask, engine
from obs_core.ui.shell.scope import PageScope

WIDTH: Final = 82
HEIGHT: Final = 22
_SVG: Final = (
    f"<svg xmlns='http://www.w3.org/2000/svg' width='{2 * WIDTH}' height='{2 * HEIGHT}' viewBox='0 0 {WIDTH} {HEIGHT}'>"
    "{band}<path d='{line}' fill='none' stroke='{ink}' stroke-width='1.3'/></svg>"
)
_BAND: Final = (
    f"<rect x='{{x:.1f}}' width='{{width:.1f}}' height='{HEIGHT}' fill='{{tint}}' opacity='0.3'/>"
    f"<rect x='{{x:.1f}}' width='1' height='{HEIGHT}' fill='{{tint}}'/>"
)


Point = tuple[float, float] | None


class Sparkline(NamedTuple):
    """Numbers by time; None is a gap. `steps`: each number holds until the next one."""

    timestamps_ns: Sequence[int]
    numbers: Sequence[float | None]
    steps: bool = False


def images(alerts: Sequence[AlertView], scope: PageScope) -> list[str | None]:
    """The sparkline of each alert as an image; None for an alert without a series and without calls."""
    everyone = replace(scope, group=None)  # a rule has a scope of its own
    window = checks.clipped(engine(), scope.window)
    dark = st.context.theme.type == "dark"
    rules = {alert.rule.name: alert.rule for alert in alerts}
    series, figures = _series(alerts, everyone), figure_trends(list(rules.values()), everyone)
    sparklines = [figures.get(alert.rule.name) or series.get(_key(alert)) for alert in alerts]
    return [
        None if sparkline is None else image(sparkline, window, firing_window(alert, window), dark=dark)
        for alert, sparkline in zip(alerts, sparklines, strict=True)
    ]


def image(sparkline: Sparkline, window: Window, shaded: Window, *, dark: bool) -> str | None:
    """The line over `window` as an SVG image, with one part `shaded`; None without numbers."""
    known = [number for number in sparkline.numbers if number is not None]
    if not known or window.length_ns <= 0:
        return None
    low, high = min(known), max(known)
    scale = (HEIGHT - 4) / (high - low) if high > low else 0.0

    def across(time_ns: int) -> float:
        return min(1.0, max(0.0, (time_ns - window.from_ns) / window.length_ns)) * WIDTH

    points: list[Point] = [
        None if number is None else (across(time_ns), HEIGHT - 2 - (number - low) * scale if scale else HEIGHT / 2)
        for time_ns, number in zip(sparkline.timestamps_ns, sparkline.numbers, strict=True)
    ]
    x, width = across(shaded.from_ns), across(shaded.to_ns) - across(shaded.from_ns)
    if sparkline.steps:
        steps = (step for before, point in pairwise(points) for step in _step(before, point))
        points = [*steps, *points[-1:]]
    band = _BAND.format(x=x, width=width, tint=theme.ROLES["stale"][dark]) if width > 0 else ""
    svg = _SVG.format(band=band, line=stat_card.path(points), ink=theme.ROLES["accent"][dark])
    return f"data:image/svg+xml,{quote(svg)}"


def firing_window(alert: AlertView, window: Window) -> Window:
    """When the condition of an alert was true: for a stale value, since its first equal reading."""
    start_ns = iso_ns(alert.annotations.get("last_change", "")) or alert.starts_ns or alert.since_ns
    return Window(start_ns, alert.since_ns if alert.state == "resolved" else max(start_ns, window.to_ns))


def figure_trends(rules: Sequence[Rule], scope: PageScope, *, slices: int = 60) -> dict[str, Sparkline]:
    """The call figures of rules over time, by the names of the rules, each in the scope of its rule."""
    conditions = {rule.name: (rule.scope, rule.condition) for rule in rules if isinstance(rule.condition, Calls)}
    if not conditions:
        return {}
    percentiles = sorted({condition.percentile for _, condition in conditions.values()})
    parts = [astuple(scope) for scope, _ in conditions.values()]
    processes, groups, names, scoped = (tuple(values_) for values_ in zip(*parts, strict=True))
    trends = ask(
        functions.trends,
        scope,
        processes=processes,
        groups=groups,
        names=names,
        functions=scoped,
        percentiles=tuple(percentiles),
        slices=slices,
    )
    step_ns = int(trends.attrs["step_ns"])
    rows = {list(conditions)[int(row["part"])]: row for row in trends.to_dict("records")}
    return {name: _figures(row, conditions[name][1], percentiles, step_ns) for name, row in rows.items()}


def _figures(row: Mapping[Any, Any], condition: Calls, percentiles: Sequence[float], step_ns: int) -> Sparkline:
    """One call figure per slice; without calls, throughput is 0 and other figures are gaps."""
    calls = [int(count) for count in row["calls"]]
    numbers: list[float | None]
    if condition.figure == "error_rate":
        numbers = [int(failed) / count for failed, count in zip(row["errors"], calls, strict=True)]
    elif condition.figure == "latency":
        index = percentiles.index(condition.percentile)
        lengths = [None if slice_ is None else formatting.number(slice_[index]) for slice_ in row["percentiles_ns"]]
        numbers = [None if length_ns is None else length_ns / 1e6 for length_ns in lengths]
    else:
        numbers = [count * SECOND / step_ns for count in calls]
    known = dict(zip(map(int, row["moments_ns"]), numbers, strict=True))
    timestamps_ns = range(min(known), max(known) + step_ns, step_ns)
    nothing = 0.0 if condition.figure == "throughput" else None
    return Sparkline(timestamps_ns, [known.get(time_ns, nothing) for time_ns in timestamps_ns])


def _series(alerts: Sequence[AlertView], scope: PageScope) -> dict[tuple[str, str], Sparkline]:
    """The sparklines of all values that alerts are about, by process and data."""
    keys = sorted({_key(alert) for alert in alerts if all(_key(alert))})
    if not keys:
        return {}
    processes, names = zip(*keys, strict=True)
    trends = ask(values.trends, scope, processes=processes, names=names)
    return {
        (str(row["process"]), str(row["data"])): _readings(
            [int(time_ns) for time_ns in row["moments_ns"]],
            [formatting.number(number) for number in row["numbers"]],
            row["texts"],
        )
        for row in trends.to_dict("records")
    }


def _readings(timestamps_ns: list[int], numbers: list[float | None], texts: Sequence[str]) -> Sparkline:
    """The sparkline of a series; of texts only, each is a step, higher for each new text."""
    if any(number is not None for number in numbers):
        return Sparkline(timestamps_ns, numbers)
    heights = {text: float(height) for height, text in enumerate(dict.fromkeys(texts))}
    return Sparkline(timestamps_ns, [heights[text] for text in texts], steps=True)


def _step(before: Point, point: Point) -> list[Point]:
    """The points between two readings if the first value holds until the second."""
    return [before] if before is None or point is None else [before, (point[0], before[1])]


def _key(alert: AlertView) -> tuple[str, str]:
    """The series of an alert; empty texts if it has none."""
    if isinstance(alert.rule.condition, Calls):
        return "", ""
    return alert.labels.get("process", ""), alert.labels.get("data", "")
