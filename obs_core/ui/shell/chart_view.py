"""Draws a chart of `charts` on the page."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pyarrow as pa
import streamlit as st
from pandas import DataFrame, Series, concat, to_datetime

from obs_core import charts, theme
from obs_core.clock import MILLISECOND, Window
from obs_core.ui.kit import formatting
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import controls, window_text
from obs_core.ui.shell.answers import derived
from obs_core.ui.shell.scope import PageScope

Chart = Callable[[], charts.Spec]
PARTIAL: Final = "partial"
"""What a chart says of a slice that is only partly in the window."""

Timeline = Callable[..., charts.Spec]
"""A chart of slices of time; `per` is the length of a slice."""


def show(
    chart: Chart,
    frame: DataFrame,
    *,
    key: str | None = None,
    selects: bool = False,
    on_select: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Draw `frame` as `chart`; return the selections in it by their names (empty unless `selects`).

    `on_select` runs before the run after a selection, and finds it in the session under `key`.

    Columns that end in `_ns` reach the chart as times, under their name without the ending. A chart that a page draws
    twice needs a `key`.
    """
    data = derived(_table, frame)
    spec = theme.coloured(chart(), dark=st.context.theme.type == "dark")
    key = key or f"chart_{getattr(chart, '__name__', '')}"
    selecting: Any = on_select or ("rerun" if selects else "ignore")
    event: Any = st.vega_lite_chart(data, spec, key=key, on_select=selecting, width="stretch")
    return dict(event["selection"]) if selects else {}


def timeline(
    chart: Timeline, slices: DataFrame, scope: PageScope, *, key: str, starts: DataFrame | None = None
) -> None:
    """Draw slices of time (column bucket_ns) over the whole window; a brush selects a new window.

    `starts` are processes that started (the answer of `overview.restarts`), drawn as markers; or other markers
    (columns started_ns, label).
    """
    measured, step = derived(_description, slices)
    if slices.empty or (is_latency(chart) and not measured):
        st.caption("No calls in this window." if slices.empty else "No timed calls in this window.")
        return
    # A chart of another window gets another key: it must not keep the brush that selected the window.
    answers = [slices] if starts is None or starts.empty else [slices, starts]
    window = scope.window
    ends_ns = (window.from_ns, window.to_ns)
    drawn = derived(_time_series, *answers, from_ns=ends_ns[0], to_ns=ends_ns[1], data=controls.extent_of_log())
    with st.container(key=f"timeline_{key}"):
        selected = show(partial(chart, per=step), drawn, key=f"{key} {scope.from_text} {scope.to_text}", selects=True)
    ends = (selected.get("window") or {}).get("bucket")
    if ends and len(ends) == 2 and int(ends[0]) < int(ends[1]):  # noqa: PLR2004 - a range has two ends
        brushed = Window(int(ends[0]) * MILLISECOND, int(ends[1]) * MILLISECOND)
        from_text, to_text = window_text.texts_of(brushed)
        controls.set_controls(**{"from": from_text, "to": to_text})


def log_switch(key: str, chart: Timeline) -> Timeline:
    """Draw the switch to a logarithmic axis, which the link keeps, and return `chart` with the axis that it says."""
    with st.container(key=f"logscale_{key}"):
        log = st.toggle("Log scale", key=key, bind="query-params")
    return partial(chart, log=log)


def is_latency(chart: Timeline) -> bool:
    """Whether a chart shows percentiles of durations."""
    return getattr(chart, "func", chart) is charts.latency_bands


def _time_series(
    slices: DataFrame, starts: DataFrame | None = None, *, from_ns: int, to_ns: int, data: Window | None = None
) -> DataFrame:
    """The data of a timeline, with times as charts need them; `data` is the range of the log."""
    whole = spread(slices, Window(from_ns, to_ns), data)
    marks = starts if starts is None or "label" in starts else markers(starts)
    return _with_times(whole if marks is None else layered(whole, marks))


def _table(frame: DataFrame) -> pa.Table:
    """The data of a chart as it is sent to the browser: pandas takes a millisecond to make it."""
    return pa.Table.from_pandas(_with_times(frame))


def _with_times(frame: DataFrame) -> DataFrame:
    times = {name: _times(frame[name]) for name in frame.columns if name.endswith("_ns")}
    return frame.drop(columns=list(times)).assign(
        **{name.removesuffix("_ns"): column for name, column in times.items()}
    )


def spread(slices: DataFrame, window: Window, data: Window | None = None) -> DataFrame:
    """Return `slices` with the end of each (end_ns), and an empty slice at both ends of the window.

    The log may begin after the window and end before it: the time outside is a gap and must show as one. `partial`
    says which slices are only partly in the window or, by `data`, in the range of the log.
    """
    starts = slices["bucket_ns"]
    step = int(starts.iloc[1] - starts.iloc[0]) if len(starts) > 1 else max(1, window.to_ns - int(starts.iloc[0]))
    first = window.from_ns if data is None else max(window.from_ns, data.from_ns)
    last = window.to_ns if data is None else min(window.to_ns, data.to_ns)
    outside = (starts < first) | (starts + step > last)
    whole = slices.assign(end_ns=starts + step, partial=outside.map({True: PARTIAL, False: ""}))
    edges = [window.from_ns, window.to_ns]
    for index, edge in enumerate(edges):
        inside = int(starts.iloc[0]) <= edge if index == 0 else edge <= int(starts.iloc[-1]) + step
        if not inside:
            whole.loc[len(whole)] = {"bucket_ns": edge, "end_ns": edge, "calls": 0, "errors": 0, "partial": ""}
    return whole.sort_values("bucket_ns", ignore_index=True)


def _description(slices: DataFrame) -> tuple[bool, str]:
    """Whether a slice has timed calls (as far as it is known), and the length of a slice, for the axis.

    The length is empty if there is only one slice.
    """
    measured = bool(slices[["p50_ms", "p95_ms", "p99_ms"]].notna().any(axis=None)) if "p50_ms" in slices else True
    starts = slices["bucket_ns"]
    return measured, "" if len(starts) < 2 else formatting.duration(int(starts.iloc[1] - starts.iloc[0]) / 1e6)  # noqa: PLR2004


def markers(starts: DataFrame) -> DataFrame:
    """Return markers where processes started, with the version if it changed (columns started_ns, label)."""
    labels = [
        f"{plain(row['process'], 60)} started" + (f" as version {_version(row)}" if row["changed"] else "")
        for row in starts.to_dict("records")
    ]
    return DataFrame({"started_ns": starts["started_ns"], "label": labels})


def layered(*frames: DataFrame) -> DataFrame:
    """Combine frames with different columns into one, for a chart with a layer for each.

    Times stay whole numbers where other frames have none; as floats, those of the year 2262 would not fit 64 bits.
    """
    exact = (frame.astype({name: "Int64" for name in frame.columns if name.endswith("_ns")}) for frame in frames)
    return concat(exact, ignore_index=True)


def _version(row: dict[Any, Any]) -> str:
    return plain(row["version"] or row["revision"], 40) or "unknown"


def _times(column: "Series[int]") -> "Series[Any]":
    return to_datetime(column.astype("Int64"), unit="ns", utc=True).dt.as_unit("ms")
