"""The charts: each is a Vega-Lite specification without data, built once: building takes 7-66 ms, filling it 0.5 ms.

Colours in it are roles (`$error`), replaced by the colour of the theme when it is drawn.
"""

from functools import lru_cache
from typing import Any, Final

import altair as alt
from pandas import DataFrame

Spec = dict[str, Any]
CLOCK: Final = {
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
_AXIS_WIDTH: Final = 52
_PADDING: Final = {"left": 0, "top": 6, "right": 6, "bottom": 0}


@lru_cache(maxsize=64)
def calls_and_errors(per: str = "") -> Spec:
    """Return calls per slice of time as bars, failed ones in another colour (bucket, end, calls, errors, partial).

    `per` is the length of a slice. A `partial` slice is only partly in the window or in the log: its bar is pale.
    """
    title = f"Calls per {per}" if per else "Calls"
    base = alt.Chart(_sample(bucket=0, end=0, calls=1, errors=1, partial="")).encode(x=_time("bucket:T"), x2="end:T")
    # The stroke keeps slices visible that are narrower than a pixel, such as seconds of a day.
    pale = alt.when("datum.partial").then(alt.value(0.45)).otherwise(alt.value(1))
    colour = _series("series:N", {"Calls": "$accent", "Errors": "$error"})
    calls = (
        base.transform_calculate(series="'Calls'")
        .mark_bar(stroke="$accent", strokeWidth=0.75)
        .encode(
            y=alt.Y("calls:Q", title=title, axis=_height(tickMinStep=1)),
            y2=alt.datum(0),
            color=colour,
            opacity=pale,
        )
    )
    failed = base.transform_filter("datum.errors > 0").transform_calculate(series="'Errors'")
    errors = failed.mark_bar(stroke="$error", strokeWidth=0.75).encode(
        y="errors:Q", y2=alt.datum(0), color=colour, opacity=pale
    )
    tooltip = [
        alt.Tooltip("calls:Q", title="Calls", format=","),
        alt.Tooltip("errors:Q", title="Errors", format=","),
        alt.Tooltip("slice:N", title="Slice"),
    ]
    middle = "datum.end && datum.end > datum.bucket ? (datum.bucket + datum.end) / 2 : datum.bucket"
    cross = _crosshair(alt.Chart(_sample(bucket=0, end=0, calls=1, errors=1, partial="")), middle, tooltip)
    return _spec(alt.layer(calls.add_params(_brush()), errors, cross, _starts()), 190)


@lru_cache(maxsize=2)
def shares(height: int = 240) -> Spec:
    """Return shares as a ring (columns group, rows, colour); a click on a segment is the selection `group`."""
    chart = (
        alt.Chart(_sample(group="", rows=1, colour=""))
        .mark_arc(innerRadius=height * 3 // 16, padAngle=0.01, cursor="pointer")
        .encode(
            theta=alt.Theta("rows:Q", stack=True),
            order=alt.Order("rows:Q", sort="descending"),
            color=alt.Color("colour:N", scale=None),
            tooltip=[alt.Tooltip("group:N", title="Group"), alt.Tooltip("rows:Q", title="Rows", format=",")],
        )
        .add_params(alt.selection_point(name="group", fields=["group"]))
    )
    return _spec(chart, height)


@lru_cache(maxsize=64)
def latency_bands(per: str = "", *, log: bool = False) -> Spec:
    """Return P50, P95 and P99 over time as lines (columns bucket, p50_ms, p95_ms, p99_ms); gaps where no calls are.

    `per` is the length of a slice; with `log` the axis is logarithmic.
    """
    names: list[str | alt.FieldName] = ["p50_ms", "p95_ms", "p99_ms"]
    sample = _sample(bucket=0, p50_ms=1.0, p95_ms=1.0, p99_ms=1.0, partial="")
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=True)
    axis = _height(labelExpr=duration_label("datum.value"), **({"tickCount": 4} if log else {}))
    lines = (
        alt.Chart(sample)
        .transform_fold(names, as_=["percentile", "ms"])
        .transform_calculate(percentile="upper(slice(datum.percentile, 0, 3))")
        .transform_filter("!isValid(datum.ms) || datum.ms > 0" if log else "true")
        .mark_line(point=alt.OverlayMarkDef(size=14), strokeWidth=1.5, invalid="break-paths-show-domains")
        .encode(
            x=_time("bucket:T"),
            y=alt.Y("ms:Q", title=f"Duration per {per}" if per else "Duration", scale=scale, axis=axis),
            color=_series("percentile:N", {"P50": "$muted", "P95": "$accent", "P99": "$slow"}),
        )
        .add_params(_brush())
    )
    texts = {f"p{number}": duration_label(f"datum.p{number}_ms") for number in (50, 95, 99)}
    tooltip = [alt.Tooltip(f"{name}:N", title=name.upper()) for name in texts]
    tooltip.append(alt.Tooltip("slice:N", title="Slice"))
    measured = alt.Chart(sample).transform_filter("isValid(datum.p95_ms)").transform_calculate(**texts)
    return _spec(alt.layer(lines, _crosshair(measured, "datum.bucket", tooltip), _starts()), 190)


@lru_cache(maxsize=1)
def durations() -> Spec:
    """Return a histogram of durations on a logarithmic scale (columns from_ms, to_ms, calls, errors, slowest_id).

    A click on a bar is the selection `bar`: the row of its slowest call. `slowest_id` is a text: a browser has 53 bits
    for a number.
    """
    tooltip = [
        alt.Tooltip("from_ms:Q", title="From (ms)", format=",.3~r"),
        alt.Tooltip("to_ms:Q", title="To (ms)", format=",.3~r"),
        alt.Tooltip("calls:Q", title="Calls", format=","),
        alt.Tooltip("errors:Q", title="Errors", format=","),
    ]
    width = alt.X(
        "from_ms:Q",
        title="Duration (ms)",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(grid=False, format="~g", labelOverlap="greedy"),
    )
    base = alt.Chart(_sample(from_ms=1.0, to_ms=2.0, calls=1, errors=1, slowest_id="1"))
    base = base.encode(x=width, x2="to_ms:Q", y2=alt.datum(0), tooltip=tooltip)
    bars = base.mark_bar(color="$accent", binSpacing=1, cursor="pointer").encode(
        y=alt.Y("calls:Q", title="Calls", axis=alt.Axis(tickMinStep=1))
    )
    failed = base.mark_bar(color="$error", binSpacing=1).encode(y="errors:Q", y2=alt.datum(0))
    return _spec(alt.layer(bars.add_params(alt.selection_point(name="bar", fields=["slowest_id"])), failed), 170)


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


def _series(field: str, colours: dict[str, str]) -> alt.Color:
    """The colour of each series, with a legend of one row above the plot: charts next to each other align."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    legend = alt.Legend(orient="top", offset=2, symbolSize=60, title=None, symbolType="circle", symbolStrokeWidth=0)
    return alt.Color(field, title=None, scale=scale, legend=legend)


def _height(**more: Any) -> alt.Axis:  # noqa: ANN401 - settings of an axis
    """A vertical axis of one width, so that the times of charts above and next to each other align."""
    return alt.Axis(minExtent=_AXIS_WIDTH, maxExtent=_AXIS_WIDTH, titlePadding=2, **{"tickCount": 5, **more})


def duration_label(ms: str) -> str:
    """A Vega expression: the milliseconds of the expression `ms` with three digits and the unit that fits."""
    text = f"format({ms} * 1000, '.3~r') + ' µs'"
    for limit, unit in ((1, "ms"), (1e3, "s"), (6e4, "min"), (3.6e6, "h")):
        text = f"{ms} >= {limit} ? format({ms} / {limit}, '.3~r') + ' {unit}' : ({text})"
    return f"!isValid({ms}) ? '–' : {ms} == 0 ? '0' : ({text})"  # noqa: RUF001 - the mark of what is not measured


def _crosshair(base: alt.Chart, time: str, tooltip: list[alt.Tooltip]) -> alt.Chart:
    """A line at the slice nearest to the pointer, with what it holds; `crosshair.js` moves it in the other charts too.

    The script sends `dragover`, which no other part of a chart listens to.
    """
    nearest = alt.selection_point(
        name="hover", nearest=True, on="pointermove, dragover", encodings=["x"], clear="pointerout, dragleave"
    )
    visible = alt.when(nearest, empty=False).then(alt.value(0.8)).otherwise(alt.value(0))
    line = base.transform_calculate(at=time, slice="datum.partial || 'whole'").mark_rule(color="$muted", strokeWidth=1)
    shown: alt.Chart = line.encode(x=_time("at:T"), opacity=visible, tooltip=[_when(), *tooltip]).add_params(nearest)
    return shown


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
    return alt.X(field, title=None, axis=alt.Axis(labelOverlap="greedy", grid=False, format=CLOCK))


def _sample(**columns: object) -> DataFrame:  # one row that gives Altair the column types
    return DataFrame({name: [value] for name, value in columns.items()})


def _spec(chart: Any, height: int) -> Spec:  # noqa: ANN401 - Altair's chart types have no useful common base
    full: Spec = chart.properties(height=height, padding=_PADDING).to_dict()
    return _bare({name: part for name, part in full.items() if name not in {"datasets", "config", "$schema"}})


def _bare(spec: Spec) -> Spec:
    """The specification without its sample, in itself and in its layers."""
    bare = {name: part for name, part in spec.items() if name != "data"}
    return bare | {"layer": [_bare(layer) for layer in bare["layer"]]} if "layer" in bare else bare
