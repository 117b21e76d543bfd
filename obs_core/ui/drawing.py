"""Puts a chart of `charts` on the page."""

from typing import Any

import streamlit as st
from pandas import DataFrame, to_datetime

from obs_core import charts


def show(
    spec: charts.Spec, frame: DataFrame, *, key: str, selects: bool = False, height: int | None = None
) -> dict[str, Any]:
    """Draw `frame` as `spec` says; return what is selected in it, by the selection's name (nothing unless `selects`).

    Columns ending in `_ns` come to the chart as moments, under their name without the ending.
    """
    moments = {
        name.removesuffix("_ns"): to_datetime(frame[name], unit="ns", utc=True).dt.as_unit("ms")
        for name in frame.columns
        if name.endswith("_ns")
    }
    drawn = charts.coloured(spec, dark=st.context.theme.type == "dark")
    if height:
        drawn = drawn | {"height": height}
    data = frame.assign(**moments).drop(columns=[name for name in frame.columns if name.endswith("_ns")])
    event: Any = st.vega_lite_chart(data, drawn, key=key, on_select="rerun" if selects else "ignore", width="stretch")
    return dict(event["selection"]) if selects else {}
