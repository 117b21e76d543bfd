"""Puts a chart of `charts` on the page."""

from typing import Any

import streamlit as st
from pandas import DataFrame, Series, concat, to_datetime

from obs_core import charts
from obs_core.clock import Window
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import controls
from obs_core.ui.shell.answers import derived
from obs_core.ui.shell.scope import PageScope


def show(spec: charts.Spec, frame: DataFrame, *, key: str, selects: bool = False) -> dict[str, Any]:
    """Draw `frame` as `spec` says; return what is selected in it, by the selection's name (nothing unless `selects`).

    Columns ending in `_ns` come to the chart as moments, under their name without the ending.
    """
    data = derived(_with_moments, frame)
    drawn = charts.coloured(spec, dark=st.context.theme.type == "dark")
    event: Any = st.vega_lite_chart(data, drawn, key=key, on_select="rerun" if selects else "ignore", width="stretch")
    return dict(event["selection"]) if selects else {}


def timeline(
    spec: charts.Spec, slices: DataFrame, scope: PageScope, *, key: str, starts: DataFrame | None = None
) -> None:
    """Draw slices of time (column bucket_ns) over the whole window; a brush over it becomes the window.

    `starts` are processes that started (the answer of `overview.restarts`), which are marked; or marks of another kind
    (columns started_ns, label).
    """
    if slices.empty:
        st.caption("No call in this window.")
        return
    # A chart of another window is another chart: it must not keep the brush that led to it.
    answers = [slices] if starts is None or starts.empty else [slices, starts]
    window = scope.window
    drawn = derived(_course, *answers, from_ns=window.from_ns, to_ns=window.to_ns)
    picked = show(spec, drawn, key=f"{key} {scope.from_text} {scope.to_text}", selects=True)
    ends = (picked.get("window") or {}).get("bucket")
    if ends and len(ends) == 2 and int(ends[0]) < int(ends[1]):  # noqa: PLR2004 - a range has two ends
        controls.set_controls(**{"from": str(int(ends[0])), "to": str(int(ends[1]))})


def _course(slices: DataFrame, starts: DataFrame | None = None, *, from_ns: int, to_ns: int) -> DataFrame:
    """What a timeline draws, its moments as charts take them."""
    whole = spread(slices, Window(from_ns, to_ns))
    marks = starts if starts is None or "label" in starts else markers(starts)
    return _with_moments(whole if marks is None else layered(whole, marks))


def _with_moments(frame: DataFrame) -> DataFrame:
    moments = {name: _moments(frame[name]) for name in frame.columns if name.endswith("_ns")}
    renamed = {name.removesuffix("_ns"): each for name, each in moments.items()}
    return frame.drop(columns=list(moments)).assign(**renamed)


def spread(slices: DataFrame, window: Window) -> DataFrame:
    """`slices` with the end of each (until_ns), and an empty one at both ends of the window.

    The log's first and last slice need not be the window's: what lies outside them is a gap, and must show as one.
    """
    starts = slices["bucket_ns"]
    step = int(starts.iloc[1] - starts.iloc[0]) if len(starts) > 1 else max(1, window.to_ns - int(starts.iloc[0]))
    whole = slices.assign(until_ns=starts + step)
    edges = [window.from_ns, window.to_ns]
    for place, edge in enumerate(edges):
        inside = int(starts.iloc[0]) <= edge if place == 0 else edge <= int(starts.iloc[-1]) + step
        if not inside:
            whole.loc[len(whole)] = {"bucket_ns": edge, "until_ns": edge, "calls": 0, "errors": 0}
    return whole.sort_values("bucket_ns", ignore_index=True)


def markers(starts: DataFrame) -> DataFrame:
    """Where processes started, and with which version if that changed (columns started_ns, label)."""
    labels = [
        f"{plain(row['process'], 60)} started" + (f" as version {_version(row)}" if row["changed"] else "")
        for row in starts.to_dict("records")
    ]
    return DataFrame({"started_ns": starts["started_ns"], "label": labels})


def layered(*frames: DataFrame) -> DataFrame:
    """Frames of different columns as one, for a chart whose layers show different things."""
    return concat(frames, ignore_index=True)


def _version(row: dict[Any, Any]) -> str:
    return plain(row["version"] or row["revision"], 40) or "unknown"


def _moments(column: "Series[int]") -> "Series[Any]":
    return to_datetime(column.astype("Int64"), unit="ns", utc=True).dt.as_unit("ms")
