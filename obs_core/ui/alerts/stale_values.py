"""Values that are stuck: the rule that judges them, the streaks as a table, one series with its streaks shaded."""

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core.clock import now_ns
from obs_core.ui.kit import formatting, table
from obs_core.ui.kit.text import counted, plain
from obs_core.ui.shell import rule_suggestions

MISSING: Final = ("value", "skip", "break")
SERIES: Final = ("a_process", "a_data")
"""The parameters of the link that name the series whose readings are shown."""


def judged_by() -> dict[str, Any]:
    """Draw the rule's controls; return it as parameters of `values.streaks`."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        threshold = st.number_input(
            "Longest run that is fine",
            min_value=1,
            max_value=1_000_000,
            value=5,
            step=1,
            key="a_threshold",
            bind="query-params",
            width=170,
            help="A value is stale when more equal readings than this follow one another.",
        )
        tolerance = st.number_input(
            "Tolerance",
            min_value=0.0,
            value=0.0,
            step=0.001,
            format="%g",
            key="a_tolerance",
            bind="query-params",
            width=130,
            help="Numbers no farther than this from the run's first reading count as equal.",
        )
        missing = st.selectbox(
            "Missing readings",
            MISSING,
            key="a_missing",
            bind="query-params",
            width=170,
            help="None, NaN or empty: readings like others (value), not there (skip), or the end of a run (break).",
        )
    return {"threshold": int(threshold), "tolerance": float(tolerance), "missing": missing}


def offer_of(judged: Mapping[str, Any], process: str = "", data: str = "") -> rule_suggestions.RuleSuggestion:
    """A rule on one series, or on all, that judges as the controls say."""
    tolerance = f"{judged['tolerance']:g}" if judged["tolerance"] else ""
    return rule_suggestions.stale(process, data, judged["threshold"], missing=judged["missing"], tolerance=tolerance)


def streak_table(streaks: DataFrame, series: DataFrame, rules: Mapping[tuple[str, str], str]) -> tuple[str, str] | None:
    """Draw the streaks, the worst first; return process and name of the series that a click or the link picked.

    `rules` say by which rule a series is stale now.
    """
    if series.empty:
        st.info("No values in this window. Programs record them with obs_core.record(name, value).")
        return None
    worst = streaks.sort_values(["ongoing", "length"], ascending=False, kind="stable").reset_index(drop=True)
    st.markdown(_summary(worst, len(series)))
    if worst.empty:
        return _linked()
    now = now_ns()
    shown = DataFrame(
        {
            "State": ["● ongoing" if ongoing else "ended" for ongoing in worst["ongoing"]],
            "Process": [plain(name, 200) for name in worst["process"]],
            "Data": [plain(name, 200) for name in worst["data"]],
            "Value": [plain(value, 200) or "(missing)" for value in worst["value"]],
            "Readings": worst["length"],
            "Lasted": [formatting.duration(ns / 1e6) for ns in worst["end_ns"] - worst["start_ns"]],
            "From": [formatting.format_time_short(int(ns), now) for ns in worst["start_ns"]],
            "To": [formatting.format_time_short(int(ns), now) for ns in worst["end_ns"]],
            "Rule": [
                plain(rules.get((process, data), ""), 200) if ongoing else ""
                for process, data, ongoing in worst[["process", "data", "ongoing"]].to_numpy()
            ],
        }
    )
    columns = {"Readings": st.column_config.NumberColumn(format="localized"), "State": 100}
    place = table.clickable(shown, key="a_streaks", columns=columns)
    if place is not None:
        for name, column in zip(SERIES, ("process", "data"), strict=True):
            st.query_params[name] = str(worst[column].iloc[place])
    return _linked() or (str(worst["process"].iloc[0]), str(worst["data"].iloc[0]))


def _summary(streaks: DataFrame, watched: int) -> str:
    stuck = int(streaks["ongoing"].sum())
    now = f":orange[**● {formatting.count(stuck)} stale now**]" if stuck else "**None stale now**"
    return f"{now} · {counted(len(streaks), 'streak')} in this window · {formatting.count(watched)} series watched"


def _linked() -> tuple[str, str] | None:
    process, data = (st.query_params.get(name) for name in SERIES)
    return (process, data) if process and data else None
