"""The small course of each alert in a table: its value or figure over the window, with the time shaded that it fired.

One question asks for all series, one for all figures of calls: a hundred alerts cost what one does.
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
    """Numbers at moments, in their order; None is a gap. `steps`: each holds until the next one."""

    moments_ns: Sequence[int]
    numbers: Sequence[float | None]
    steps: bool = False


def pictures(alerts: Sequence[AlertView], scope: PageScope) -> list[str | None]:
    """Each alert's course as a picture; None where it is about no series and no calls."""
    everyone = replace(scope, group=None)  # a rule knows its scope by itself
    window = checks.clipped(engine(), scope.window)
    dark = st.context.theme.type == "dark"
    rules = {alert.rule.name: alert.rule for alert in alerts}
    series, figures = _series(alerts, everyone), figure_courses(list(rules.values()), everyone)
    found = []
    for alert in alerts:
        course = figures.get(alert.rule.name) or series.get(_key(alert))
        found.append(None if course is None else picture(course, window, span(alert, window), dark=dark))
    return found


def picture(course: Sparkline, window: Window, shaded: Window, *, dark: bool) -> str | None:
    """A line over the window as an SVG image, one part of it `shaded`; None where there is no number."""
    known = [number for number in course.numbers if number is not None]
    if not known or window.length_ns <= 0:
        return None
    low, high = min(known), max(known)
    scale = (HEIGHT - 4) / (high - low) if high > low else 0.0

    def across(moment: int) -> float:
        return min(1.0, max(0.0, (moment - window.from_ns) / window.length_ns)) * WIDTH

    points: list[Point] = [
        None if number is None else (across(moment), HEIGHT - 2 - (number - low) * scale if scale else HEIGHT / 2)
        for moment, number in zip(course.moments_ns, course.numbers, strict=True)
    ]
    x, width = across(shaded.from_ns), across(shaded.to_ns) - across(shaded.from_ns)
    if course.steps:
        points = [each for before, point in pairwise(points) for each in _step(before, point)] + points[-1:]
    band = _BAND.format(x=x, width=width, tint=theme.ROLES["stale"][dark]) if width > 0 else ""
    drawn = _SVG.format(band=band, line=stat_card.path(points), ink=theme.ROLES["accent"][dark])
    return f"data:image/svg+xml,{quote(drawn)}"


def span(alert: AlertView, window: Window) -> Window:
    """Since when and until when it is as bad as it says: a stale value since its first reading."""
    begun = iso_ns(alert.annotations.get("last_change", "")) or alert.starts_ns or alert.since_ns
    return Window(begun, alert.since_ns if alert.state == "resolved" else max(begun, window.to_ns))


def figure_courses(rules: Sequence[Rule], scope: PageScope, *, slices: int = 60) -> dict[str, Sparkline]:
    """The figures that rules about calls look at, by the rules' names, over what their scopes hold."""
    asked = {rule.name: (rule.scope, rule.condition) for rule in rules if isinstance(rule.condition, Calls)}
    if not asked:
        return {}
    percentiles = sorted({condition.percentile for _, condition in asked.values()})
    parts = [astuple(scope) for scope, _ in asked.values()]
    processes, groups, names, named = (tuple(each) for each in zip(*parts, strict=True))
    found = ask(
        functions.trends,
        scope,
        processes=processes,
        groups=groups,
        names=names,
        functions=named,
        percentiles=tuple(percentiles),
        slices=slices,
    )
    step_ns = int(found.attrs["step_ns"])
    rows = {list(asked)[int(row["part"])]: row for row in found.to_dict("records")}
    return {name: _figures(row, asked[name][1], percentiles, step_ns) for name, row in rows.items()}


def _figures(row: Mapping[Any, Any], condition: Calls, percentiles: Sequence[float], step_ns: int) -> Sparkline:
    """One figure of calls in each slice; where no call was, the rate is 0 and all else a gap."""
    calls = [int(count) for count in row["calls"]]
    numbers: list[float | None]
    if condition.figure == "error_rate":
        numbers = [int(failed) / count for failed, count in zip(row["errors"], calls, strict=True)]
    elif condition.figure == "latency":
        place = percentiles.index(condition.percentile)
        spread = [None if each is None else formatting.number(each[place]) for each in row["percentiles_ns"]]
        numbers = [None if each is None else each / 1e6 for each in spread]
    else:
        numbers = [count * SECOND / step_ns for count in calls]
    known = dict(zip((int(each) for each in row["moments_ns"]), numbers, strict=True))
    moments = range(min(known), max(known) + step_ns, step_ns)
    nothing = 0.0 if condition.figure == "throughput" else None
    return Sparkline(moments, [known.get(moment, nothing) for moment in moments])


def _series(alerts: Sequence[AlertView], scope: PageScope) -> dict[tuple[str, str], Sparkline]:
    """The courses of all values that alerts are about, by process and data."""
    wanted = sorted({_key(alert) for alert in alerts if all(_key(alert))})
    if not wanted:
        return {}
    processes, names = zip(*wanted, strict=True)
    found = ask(values.trends, scope, processes=processes, names=names)
    return {
        (str(row["process"]), str(row["data"])): _readings(
            [int(each) for each in row["moments_ns"]],
            [formatting.number(each) for each in row["numbers"]],
            row["texts"],
        )
        for row in found.to_dict("records")
    }


def _readings(moments_ns: list[int], numbers: list[float | None], texts: Sequence[str]) -> Sparkline:
    """The course of a series; where it has texts alone, each is a step as high as it was late to appear."""
    if any(number is not None for number in numbers):
        return Sparkline(moments_ns, numbers)
    heights = {text: float(place) for place, text in enumerate(dict.fromkeys(texts))}
    return Sparkline(moments_ns, [heights[text] for text in texts], steps=True)


def _step(before: Point, point: Point) -> list[Point]:
    """The way from one point to the next one if the first holds until then."""
    return [before] if before is None or point is None else [before, (point[0], before[1])]


def _key(alert: AlertView) -> tuple[str, str]:
    """The series that an alert is about; empty texts where it is about none."""
    if isinstance(alert.rule.condition, Calls):
        return "", ""
    return alert.labels.get("process", ""), alert.labels.get("data", "")
