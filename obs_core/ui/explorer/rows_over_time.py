"""The charts above the table: the matching rows over time by status, and their durations as a heat map.

Both are drawn from one answer (`timeline.rows`). A drag over the first selects a window, a drag over the second also a
range of durations. The specifications are Vega-Lite's, without data; `$error` and the like are roles of the theme.
"""

from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core import charts, theme
from obs_core.clock import MILLISECOND, Window
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import timeline
from obs_core.ui.kit import formatting
from obs_core.ui.kit.width import is_narrow
from obs_core.ui.shell import chart_view, controls, window_text
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

HEIGHT: Final = 116
_PADDING: Final = {"left": 0, "top": 6, "right": 6, "bottom": 0}

_TIME: Final[charts.Spec] = {
    "field": "bucket",
    "type": "temporal",
    "title": None,
    "axis": {"grid": False, "labelOverlap": "greedy", "tickCount": 5, "format": charts.CLOCK},
}
_COLOUR: Final[charts.Spec] = {
    "field": "failed",
    "type": "nominal",
    "title": None,
    "scale": {"domain": [False, True], "range": ["$accent", "$error"]},
    "legend": None,
}
_AT: Final[charts.Spec] = {"field": "bucket", "type": "temporal", "title": "At", "format": "%Y-%m-%d %H:%M:%S.%L"}
_FAILED: Final[charts.Spec] = {"field": "failed", "title": "Failed"}

_LEGEND: Final = (
    f"<p class='obs-legend'><i style='background: {theme.css(theme.ROLES['accent'])}'></i>OK or unset"
    f"<i style='background: {theme.css(theme.ROLES['error'])}'></i>failed<span>Drag over a chart to zoom.</span></p>"
)


def by_status() -> charts.Spec:
    """Return rows per slice of time as stacked bars, failed ones at the bottom."""
    rows = {"aggregate": "sum", "field": "rows", "type": "quantitative", "title": "Rows"}
    return {
        "height": HEIGHT,
        "padding": _PADDING,
        "mark": {"type": "bar", "strokeWidth": 0.75},
        "params": [{"name": "window", "select": {"type": "interval", "encodings": ["x"]}}],
        "encoding": {
            "x": _TIME,
            "x2": {"field": "end"},
            "y": {**rows, "axis": {"tickMinStep": 1, "tickCount": 3}},
            "color": _COLOUR,
            "order": {"field": "failed", "sort": "descending"},
            "tooltip": [_AT, _FAILED, {**rows, "format": ","}],
        },
    }


def by_duration() -> charts.Spec:
    """Return calls by time and duration as a heat map on a logarithmic scale, failed ones on top."""
    low: charts.Spec = {"field": "from_ms", "type": "quantitative", "title": "Duration"}
    number: charts.Spec = {"type": "quantitative", "format": ",.3~r"}
    label = charts.duration_label("datum.value")
    axis = {"grid": False, "labelExpr": label, "labelOverlap": "greedy", "tickCount": 4}
    brush = {"name": "window", "select": {"type": "interval", "encodings": ["x", "y"]}}
    return {
        "height": HEIGHT,
        "padding": _PADDING,
        "transform": [{"filter": "isValid(datum.from_ms)"}],
        "encoding": {
            "x": _TIME,
            "x2": {"field": "end"},
            "y": {**low, "scale": {"type": "log", "nice": False}, "axis": axis},
            "y2": {"field": "to_ms"},
            "color": _COLOUR,
            "opacity": {
                "field": "rows",
                "type": "quantitative",
                "scale": {"type": "log", "range": [0.35, 1]},
                "legend": None,
            },
            "tooltip": [
                _AT,
                {**number, "field": "from_ms", "title": "From (ms)"},
                {**number, "field": "to_ms", "title": "To (ms)"},
                _FAILED,
                {"field": "rows", "type": "quantitative", "title": "Rows", "format": ","},
            ],
        },
        "layer": [
            {"mark": "rect", "transform": [{"filter": "!datum.failed"}], "params": [brush]},
            {"mark": "rect", "transform": [{"filter": "datum.failed"}]},
        ],
    }


def rows_over_time(scope: PageScope, row_filter: RowFilter) -> None:
    """Draw both charts of the rows that match `row_filter`; nothing where there are none."""
    rows = ask(timeline.rows, scope, row_filter=row_filter)
    if rows.empty:
        return
    st.html(_LEGEND)
    # Charts of another window or filter get other keys: they must not keep the drag that selected these.
    selection = f"{scope.from_text} {scope.to_text} {row_filter.min_ms} {row_filter.max_ms}"
    if is_narrow():  # the first rows are on the first screen of a phone
        _chart(by_status, rows, f"t_by_status {selection}")
        with st.expander("Durations", key="t_durations", on_change="rerun") as durations:
            if durations.open:
                _durations(rows, selection)
    else:
        left, right = st.columns(2)
        with left:
            _chart(by_status, rows, f"t_by_status {selection}")
        with right:
            _durations(rows, selection)
    if rows.attrs["newest"]:
        st.caption(f"Counted in the newest {formatting.count(timeline.NEWEST)} matching rows.")


def brushed(selection: dict[str, Any]) -> tuple[Window | None, tuple[float, float] | None]:
    """The window and the durations (ms) of a selection in one of the charts; None where it has none."""
    ranges = selection.get("window") or {}
    times: list[float] = list(ranges.get("bucket") or ())
    durations: list[float] = list(ranges.get("from_ms") or ())
    window = None
    if len(times) == 2 and int(times[0]) < int(times[1]):  # noqa: PLR2004 - a range has two ends
        window = Window(int(times[0]) * MILLISECOND, int(times[1]) * MILLISECOND)
    if len(durations) != 2 or not 0 <= min(durations) < max(durations):  # noqa: PLR2004
        return window, None
    low, high = (float(f"{ms:.3g}") for ms in (min(durations), max(durations)))
    return window, (low, high)


def _durations(rows: DataFrame, selection: str) -> None:
    if rows["from_ms"].notna().any():
        _chart(by_duration, rows, f"t_by_duration {selection}")
    else:
        st.caption("No matching row has a duration.")


def _chart(spec: chart_view.Chart, rows: DataFrame, key: str) -> None:
    def select() -> None:
        window, durations = brushed(dict(st.session_state[key]["selection"]))
        if window is not None:
            from_text, to_text = window_text.texts_of(window)
            controls.request_controls(**{"from": from_text, "to": to_text})
        if durations is not None:
            st.session_state["t_min"], st.session_state["t_max"] = durations

    chart_view.show(spec, rows, key=key, on_select=select)
