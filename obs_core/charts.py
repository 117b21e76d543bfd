"""The charts: each is a Vega-Lite specification without data, built once.

Building a chart with Altair takes 7-66 ms, filling a specification with data 0.5 ms: so a chart is a cached dictionary,
and the page adds the frame. Colours in it are roles (`$error`), replaced by the colour of the theme when it is drawn.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import altair as alt
from pandas import DataFrame

from obs_core import theme

Spec = dict[str, Any]

_CLOCK: Final = {
    **dict.fromkeys(("hours", "minutes"), "%H:%M"),
    "milliseconds": "%H:%M:%S.%L",
    "seconds": "%H:%M:%S",
    "day": "%d %b",
    "date": "%d %b",
    "week": "%d %b",
    "month": "%b %Y",
    "quarter": "%b %Y",
    "year": "%Y",
}
"""The labels of a time axis: 24 hours, and the day where it changes."""

_FULL: Final = "%Y-%m-%d %H:%M:%S.%L"
_AT_THE_END: Final[Spec] = {"align": "right", "baseline": "bottom", "dy": -3, "dx": -4}
_HALO: Final[Spec] = {"stroke": "$page", "strokeWidth": 5, "strokeJoin": "round"}  # keeps lines readable behind a label
_PADDING: Final = {"left": 0, "top": 6, "right": 6, "bottom": 0}

_known: set[str] = set()
_MOST_KNOWN: Final = 1_000


def group_colours(groups: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return each group's colour in the light and in the dark theme, the same on every page and after a restart.

    It is the colour that the name hashes to. Of several groups with that colour, among all that were ever given here,
    the first by name has it, and each of the others the next one that is least used.
    """
    names = [str(group) for group in groups]
    if len(_known) < _MOST_KNOWN:
        _known.update(names)
    slots = _slots(tuple(sorted(_known.union(names))))
    return {name: theme.GROUPS[slots[name]] for name in names}


@lru_cache(maxsize=8)
def _slots(names: tuple[str, ...]) -> dict[str, int]:
    """The index of each name's colour; `names` are sorted."""
    hashed = {name: zlib.crc32(name.encode("utf-8", "replace")) % len(theme.GROUPS) for name in names}
    first = {slot: name for name, slot in reversed(hashed.items())}
    slots = {name: slot for slot, name in first.items()}
    uses = Counter(slots.values())
    for name in names:
        if name not in slots:
            around = [(hashed[name] + step) % len(theme.GROUPS) for step in range(len(theme.GROUPS))]
            slots[name] = min(around, key=lambda slot: uses[slot])
            uses[slots[name]] += 1
    return slots


def coloured(spec: Spec, *, dark: bool) -> Spec:
    """Return `spec` with each role replaced by its colour in the theme."""
    return _coloured(json.dumps(spec, sort_keys=True), dark)


@lru_cache(maxsize=1)
def calls_and_errors() -> Spec:
    """Return calls per slice of time as bars, failed ones in another colour (columns bucket, end, calls, errors)."""
    tooltip = [
        _when(),
        alt.Tooltip("calls:Q", title="Calls", format=","),
        alt.Tooltip("errors:Q", title="Errors", format=","),
    ]
    base = alt.Chart(_sample(bucket=0, end=0, calls=1, errors=1)).encode(
        x=_time("bucket:T"), x2="end:T", tooltip=tooltip
    )
    # The stroke keeps slices visible that are narrower than a pixel, such as seconds of a day.
    calls = base.mark_bar(color="$accent", stroke="$accent", strokeWidth=0.75).encode(
        y=alt.Y("calls:Q", title="Calls", axis=alt.Axis(tickMinStep=1)), y2=alt.datum(0)
    )
    errors = base.mark_bar(color="$error", stroke="$error", strokeWidth=0.75).transform_filter("datum.errors > 0")
    errors = errors.encode(y="errors:Q", y2=alt.datum(0))
    return _spec(alt.layer(calls.add_params(_brush()), errors, _starts()), 190)


@lru_cache(maxsize=1)
def shares() -> Spec:
    """Return shares as a ring (columns group, rows, colour); a click on a segment is the selection `group`."""
    chart = (
        alt.Chart(_sample(group="", rows=1, colour=""))
        .mark_arc(innerRadius=45, padAngle=0.01, cursor="pointer")
        .encode(
            theta=alt.Theta("rows:Q", stack=True),
            order=alt.Order("rows:Q", sort="descending"),
            color=alt.Color("colour:N", scale=None),
            tooltip=[alt.Tooltip("group:N", title="Group"), alt.Tooltip("rows:Q", title="Rows", format=",")],
        )
        .add_params(alt.selection_point(name="group", fields=["group"]))
    )
    return _spec(chart, 240)


@lru_cache(maxsize=1)
def latency_bands() -> Spec:
    """Return P50, P95 and P99 over time as lines (columns bucket, p50_ms, p95_ms, p99_ms); gaps where no calls are."""
    names: list[str | alt.FieldName] = ["p50_ms", "p95_ms", "p99_ms"]
    lines = (
        alt.Chart(_sample(bucket=0, p50_ms=1.0, p95_ms=1.0, p99_ms=1.0))
        .transform_fold(names, as_=["percentile", "ms"])
        .transform_calculate(percentile="upper(slice(datum.percentile, 0, 3))")
        .mark_line(point=alt.OverlayMarkDef(size=14), strokeWidth=1.5, invalid="break-paths-show-domains")
        .encode(
            x=_time("bucket:T"),
            y=alt.Y("ms:Q", title="Duration (ms)", scale=alt.Scale(zero=True)),
            color=alt.Color(
                "percentile:N",
                title=None,
                scale=alt.Scale(domain=["P50", "P95", "P99"], range=["$muted", "$accent", "$slow"]),
                legend=alt.Legend(orient="top", offset=2, symbolSize=60),
            ),
            tooltip=[_when(), alt.Tooltip("percentile:N", title=" "), alt.Tooltip("ms:Q", title="ms", format=",.3~f")],
        )
        .add_params(_brush())
    )
    return _spec(alt.layer(lines, _starts()), 190)


@lru_cache(maxsize=1)
def durations() -> Spec:
    """Return a histogram of durations on a logarithmic scale (columns from_ms, to_ms, calls, errors, slowest_id).

    A click on a bar is the selection `bar`: the row of its slowest call.
    """
    tooltip = [
        alt.Tooltip("from_ms:Q", title="From (ms)", format=",.3~r"),
        alt.Tooltip("to_ms:Q", title="To (ms)", format=",.3~r"),
        alt.Tooltip("calls:Q", title="Calls", format=","),
        alt.Tooltip("errors:Q", title="Errors", format=","),
    ]
    width = alt.X("from_ms:Q", title="Duration (ms)", scale=alt.Scale(type="log", nice=False), axis=_decades())
    base = alt.Chart(_sample(from_ms=1.0, to_ms=2.0, calls=1, errors=1, slowest_id=1))
    base = base.encode(x=width, x2="to_ms:Q", y2=alt.datum(0), tooltip=tooltip)
    bars = base.mark_bar(color="$accent", binSpacing=1, cursor="pointer").encode(
        y=alt.Y("calls:Q", title="Calls", axis=alt.Axis(tickMinStep=1))
    )
    failed = base.mark_bar(color="$error", binSpacing=1).encode(y="errors:Q", y2=alt.datum(0))
    return _spec(alt.layer(bars.add_params(alt.selection_point(name="bar", fields=["slowest_id"])), failed), 170)


def _decades() -> alt.Axis:
    return alt.Axis(grid=False, format="~g", labelOverlap="greedy")


@lru_cache(maxsize=16)
def readings(title: str = "Value", bands_are: str = "Equal readings", *, zero: bool = False) -> Spec:
    """Return numbers over time as a step line (time, number), with periods as bands (start, end, label).

    Limits are lines with labels (limit, limit_label); a period of flapping is a strip at the top (flaps, calms, and
    flapping, its label). With `zero` the axis starts at zero, as for a rate.
    """
    times: dict[str, object] = dict.fromkeys(("time", "start", "end", "flaps", "calms"), 0)
    sample = _sample(**times, number=1.0, label="", limit=1.0, limit_label="", flapping="")
    tooltip = [alt.Tooltip("time:T", title="At", format=_FULL), alt.Tooltip("number:Q", title=title)]
    height = alt.Y("number:Q", title=title, scale=alt.Scale(zero=zero, padding=0 if zero else 8))
    line = alt.Chart(sample).transform_filter("isValid(datum.time)").encode(x=_time("time:T"), y=height)
    starts = alt.Chart(sample).transform_filter("isValid(datum.end)").encode(x=_time("start:T"))
    bands = starts.encode(x2="end:T", tooltip=[alt.Tooltip("label:N", title=bands_are)])
    few = starts.transform_joinaggregate(bands="count()").transform_filter("datum.bands <= 60")  # more hide the line
    limits = alt.Chart(sample).transform_filter("isValid(datum.limit)").encode(y="limit:Q")
    named = limits.encode(x=alt.value("width"), text="limit_label:N")
    layers = (
        bands.mark_rect(color="$stale", opacity=0.22),
        line.mark_line(color="$accent", interpolate="step-after", strokeWidth=1.25, invalid="break-paths-show-domains"),
        line.mark_circle(color="$accent", size=9).encode(tooltip=tooltip),
        few.mark_rule(color="$stale", strokeWidth=1.5),
        limits.mark_rule(color="$error", strokeDash=[5, 3]),
        named.mark_text(**_AT_THE_END, **_HALO),
        named.mark_text(**_AT_THE_END, color="$error"),
        *_flapping(sample),
    )
    return _spec(alt.layer(*layers), 240)


def _flapping(sample: DataFrame) -> tuple[alt.Chart, ...]:
    """Periods of flapping: a strip at the top, with a label under its end."""
    base = alt.Chart(sample).transform_filter("isValid(datum.calms)").encode(y=alt.value(0))
    tooltip = alt.Tooltip("flapping:N", title="Flapping")
    strip = base.mark_rect(color="$slow").encode(x=_time("flaps:T"), x2="calms:T", y2=alt.value(5), tooltip=[tooltip])
    label = base.encode(x=_time("calms:T"))
    style: Spec = {"text": "≋ flapping", "align": "right", "baseline": "top", "dy": 8}
    return strip, label.mark_text(**style, **_HALO), label.mark_text(**style, color="$slow")


def _starts() -> alt.LayerChart:
    """Process starts (columns started, label): a line with a marker at its top."""
    base = alt.Chart(_sample(started=0, label="")).transform_filter("isValid(datum.started)")
    base = base.encode(x=_time("started:T"), tooltip=[alt.Tooltip("label:N", title=" "), _when("started")])
    top = base.mark_point(shape="triangle-down", filled=True, size=60, opacity=1, color="$ok")
    rule = base.mark_rule(strokeDash=[3, 3], color="$ok")
    return alt.LayerChart(layer=[rule, top.encode(y=alt.value(2))])


def _brush() -> alt.Parameter:
    """A drag over a time chart is the selection `window`."""
    return alt.selection_interval(name="window", encodings=["x"])


def _when(field: str = "bucket") -> alt.Tooltip:
    return alt.Tooltip(f"{field}:T", title="At", format=_FULL)


def _time(field: str) -> alt.X:
    return alt.X(field, title=None, axis=alt.Axis(labelOverlap="greedy", grid=False, format=_CLOCK))


def _sample(**columns: object) -> DataFrame:
    """One row that gives Altair the column types; it is not part of the specification."""
    return DataFrame({name: [value] for name, value in columns.items()})


def _spec(chart: Any, height: int) -> Spec:  # noqa: ANN401 - Altair's chart types have no useful common base
    full: Spec = chart.properties(height=height, padding=_PADDING).to_dict()
    return _bare({name: part for name, part in full.items() if name not in {"datasets", "config", "$schema"}})


def _bare(spec: Spec) -> Spec:
    """The specification without its sample, in itself and in its layers."""
    bare = {name: part for name, part in spec.items() if name != "data"}
    return bare | {"layer": [_bare(layer) for layer in bare["layer"]]} if "layer" in bare else bare


@lru_cache(maxsize=64)
def _coloured(text: str, dark: bool) -> Spec:  # noqa: FBT001 - a cached function has no keywords to spare
    for role, pair in {**theme.ROLES, "page": theme.PAGE}.items():
        text = text.replace(f'"${role}"', f'"{pair[dark]}"')
    spec: Spec = json.loads(text)
    return spec
