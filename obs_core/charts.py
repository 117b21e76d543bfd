"""Answers become pictures: each chart is a Vega-Lite specification without its data, built once.

Building a chart with Altair takes 7-66 ms, feeding a specification 0.5 ms: so a chart is a cached dictionary that the
page gives the frame. Colours stand in it as roles (`$error`) and take the theme's value when it is drawn.
"""

import json
import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import altair as alt
from pandas import DataFrame

Spec = dict[str, Any]

ROLES: Final = {
    "ok": ("#009e73", "#2fb98d"),
    "error": ("#d55e00", "#f0803c"),
    "stale": ("#e69f00", "#f0b429"),
    "slow": ("#cc79a7", "#dd9bc1"),
    "muted": ("#8b97a5", "#7f8b9a"),
    "accent": ("#0072b2", "#56b4e9"),
}
"""The colour of each role in the light and in the dark theme (Okabe and Ito's, safe for colour-blind eyes)."""

GROUPS: Final = (
    *(("#0072b2", "#56b4e9"), ("#e69f00", "#f0b429"), ("#009e73", "#2fb98d"), ("#cc79a7", "#dd9bc1")),
    *(("#6a51a3", "#b39ddb"), ("#a6761d", "#d0a35c"), ("#46b1c9", "#8fe0f0"), ("#7a8f1f", "#c0cf5f")),
    *(("#b2457a", "#f48fb1"), ("#4a6fe3", "#9fb4ff"), ("#7f7f7f", "#bdbdbd"), ("#1b7f5c", "#7fd1ae")),
)
"""The colours of process groups, light and dark; none of them is the colour of an error."""

_slots: dict[str, int] = {}


def group_colours(groups: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Each group's colour in the light and in the dark theme, the same wherever it is asked for.

    A group begins at the place its name hashes to and takes the next free one; what it has, it keeps.
    """
    for name in sorted({str(group) for group in groups} - _slots.keys()):
        start, taken = zlib.crc32(name.encode("utf-8", "replace")), set(_slots.values())
        free = (place % len(GROUPS) for place in range(start, start + len(GROUPS)) if place % len(GROUPS) not in taken)
        _slots[name] = next(free, start % len(GROUPS))
    return {str(group): GROUPS[_slots[str(group)]] for group in groups}


def coloured(spec: Spec, *, dark: bool) -> Spec:
    """`spec` with each role's colour of the theme in its place."""
    return _coloured(json.dumps(spec, sort_keys=True), dark)


@lru_cache(maxsize=1)
def calls_and_errors() -> Spec:
    """Calls per slice of time as bars, those that failed on top in another colour (columns bucket, calls, errors)."""
    base = alt.Chart(_sample(bucket=0, calls=1, errors=1)).encode(x=_time("bucket:T"))
    calls = base.mark_bar(color="$accent").encode(
        y=alt.Y("calls:Q", title="Calls", axis=alt.Axis(tickMinStep=1)), tooltip=["bucket:T", "calls:Q", "errors:Q"]
    )
    errors = base.mark_bar(color="$error").encode(y="errors:Q", tooltip=["bucket:T", "calls:Q", "errors:Q"])
    return _spec(alt.layer(calls, errors), 160)


@lru_cache(maxsize=1)
def latency_bands() -> Spec:
    """P50, P95 and P99 over time as lines (columns bucket, p50_ms, p95_ms, p99_ms); a slice without calls is a gap."""
    names: list[str | alt.FieldName] = ["p50_ms", "p95_ms", "p99_ms"]
    chart = (
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
                scale=alt.Scale(domain=["P50", "P95", "P99"], range=["$accent", "$stale", "$error"]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=["bucket:T", "percentile:N", "ms:Q"],
        )
    )
    return _spec(chart, 180)


def _time(field: str) -> alt.X:
    return alt.X(field, title=None, axis=alt.Axis(labelOverlap="greedy", grid=False))


def _sample(**columns: object) -> DataFrame:
    """One row, from which Altair takes the names of columns; it is not part of the specification."""
    return DataFrame({name: [value] for name, value in columns.items()})


def _spec(chart: Any, height: int) -> Spec:  # noqa: ANN401 - Altair's kinds of charts share no useful base
    described: Spec = chart.properties(height=height).to_dict()
    return {name: part for name, part in described.items() if name not in {"data", "datasets", "config", "$schema"}}


@lru_cache(maxsize=64)
def _coloured(text: str, dark: bool) -> Spec:  # noqa: FBT001 - a cached function has no keywords to spare
    for role, pair in ROLES.items():
        text = text.replace(f'"${role}"', f'"{pair[dark]}"')
    found: Spec = json.loads(text)
    return found
