"""One series: its readings as a chart or a table, with shaded streaks."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core import charts
from obs_core.query.questions import values
from obs_core.ui.kit import formatting, navigation, table
from obs_core.ui.kit.text import plain
from obs_core.ui.series import stale
from obs_core.ui.shell import chart_view
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

LISTED: Final = 500
"""Readings in a table."""


def series_card(
    scope: PageScope,
    process: str,
    data: str,
    rule: dict[str, Any],
    *,
    key: str = "a_readings",
    marks: Callable[[int, int], DataFrame] | None = None,
    fires: bool = False,
    listed: bool = False,
    has_rule: bool = False,
) -> None:
    """Draw the newest readings of one series with shaded streaks, or with bands where a rule `fires`.

    Without a rule on stale values (`has_rule`), streaks of arguments and constants are not shaded.
    `marks` gets the first and last timestamp of the chart (see `chart_annotations.marks`). With `listed` the readings
    are also in a table; readings that are not numbers always are.
    """
    readings = ask(values.history, scope, process=process, data=data)
    if readings.empty:
        st.caption("No readings of this series in this window.")
        return
    if readings.attrs.get("truncated"):
        st.caption(f"Showing the newest {formatting.count(len(readings))} readings of the window.")
    streaks = ask(values.streaks, scope, process=process, data=data, **rule)
    if not has_rule:
        streaks = stale.split(scope, streaks, missing=rule.get("missing", "value")).stale
    numbers = readings["number"]
    if numbers.notna().any():
        first_ns, last_ns = (int(readings["timestamp"].iloc[index]) for index in (0, -1))
        parts = [DataFrame({"time_ns": readings["timestamp"], "number": numbers})]
        parts += [] if fires else [shading(streaks, first_ns)]
        parts += [] if marks is None else [marks(first_ns, last_ns)]
        chart = partial(charts.readings, "Value", "Fires") if fires else charts.readings
        chart_view.show(chart, chart_view.layered(*parts), key=key)
    if listed or not numbers.notna().any():
        shown = _texts(readings, streaks)
        height = min(300, (len(shown) + 1) * table.ROW_HEIGHT + 8)
        st.dataframe(shown, hide_index=True, height=height, row_height=table.ROW_HEIGHT)
    navigation.page_link(
        "trace_explorer", label="Show the rows in the Trace Explorer", t_kind="value", t_process=process, t_q=data
    )


def shading(streaks: DataFrame, first_ns: int) -> DataFrame:
    """Return the streaks as bands (columns start_ns, end_ns, label), cut at the first reading shown."""
    visible = streaks[streaks["end_ns"] >= first_ns]
    labels = [
        f"{formatting.count(length)} times {plain(value, 40) or 'missing'}"
        for length, value in visible[["length", "value"]].to_numpy()
    ]
    return DataFrame(
        {"start_ns": visible["start_ns"].clip(lower=first_ns), "end_ns": visible["end_ns"], "label": labels}
    )


def _texts(readings: DataFrame, streaks: DataFrame) -> DataFrame:
    """The newest readings as text, each with its streak."""
    newest = readings.iloc[::-1].head(LISTED)
    ordered = streaks.sort_values("start_ns")
    indexes = ordered["start_ns"].searchsorted(newest["timestamp"], side="right") - 1
    ends, lengths = ordered["end_ns"].tolist(), ordered["length"].tolist()
    return DataFrame(
        {
            "Timestamp": [formatting.format_time(int(ns)) for ns in newest["timestamp"]],
            "Value": [plain(value, 300) for value in newest["data_value"]],
            "Stale": [
                f"● one of {formatting.count(lengths[index])} equal" if index >= 0 and ns <= ends[index] else ""
                for ns, index in zip(newest["timestamp"], indexes, strict=True)
            ],
        }
    )
