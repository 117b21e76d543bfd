"""Stale values: the controls for the criteria, and the table of streaks."""

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core.clock import now_ns
from obs_core.ui.kit import formatting, navigation, table
from obs_core.ui.kit.fold import foldable, value_of
from obs_core.ui.kit.text import counted, plain
from obs_core.ui.series import stale
from obs_core.ui.shell import rule_suggestions

THRESHOLD: Final = 5
MISSING: Final = ("value", "skip", "break")
_NARROW: Final = {"State": 80, "Data": 120, "Value": 66, "Readings": 64}
SERIES: Final = ("a_process", "a_data")
"""The link parameters for the process and name of the series that is shown."""


def criteria() -> dict[str, Any]:
    """Draw the controls; return the criteria as parameters of `values.streaks`."""
    with foldable(_criteria_texts(), key="a_fold", horizontal=True):
        threshold = st.number_input(
            "Stale after (equal readings)",
            min_value=1,
            max_value=1_000_000,
            value=THRESHOLD,
            step=1,
            key="a_threshold",
            bind="query-params",
            width=200,
            help="A value is stale after more equal readings in a row than this.",
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
            help="Numbers within this tolerance of the first reading count as equal.",
        )
        missing = st.selectbox(
            "Missing values",
            MISSING,
            key="a_missing",
            bind="query-params",
            width=170,
            help="None, NaN or empty: treat as a value, skip, or end the streak (break).",
        )
    return {"threshold": int(threshold), "tolerance": float(tolerance), "missing": missing}


def _criteria_texts() -> list[str]:
    """The criteria that are not at their default, for the line that folds them on a narrow page."""
    threshold, tolerance, missing = (value_of(key) for key in ("a_threshold", "a_tolerance", "a_missing"))
    texts = [f"after {plain(threshold or THRESHOLD, 9)} equal readings"]
    texts += [f"tolerance {plain(tolerance, 9)}"] if tolerance else []
    return texts + ([f"missing: {plain(missing, 9)}"] if missing and missing != MISSING[0] else [])


def suggestion_of(criteria: Mapping[str, Any], process: str = "", data: str = "") -> rule_suggestions.RuleSuggestion:
    """Return a rule on one series, or on all, with the same criteria."""
    tolerance = f"{criteria['tolerance']:g}" if criteria["tolerance"] else ""
    return rule_suggestions.stale(
        process, data, criteria["threshold"], missing=criteria["missing"], tolerance=tolerance
    )


def streak_table(
    streaks: stale.Split, series: DataFrame, rules: Mapping[tuple[str, str], str]
) -> tuple[str, str] | None:
    """Draw the streaks, longest first; return process and name of the series that is selected by a click or the link.

    Arguments and constants have a table of their own, below. `rules` has the names of the firing rules, by series.
    """
    if series.empty:
        st.info("No values in this window. Programs record them with obs_core.record(name, value).")
        return None
    rows = streaks.stale.sort_values(["ongoing", "length"], ascending=False, kind="stable").reset_index(drop=True)
    st.markdown(_summary(rows, len(series)))
    selected = _stale_table(rows, rules) if len(rows) else _linked()
    return _quiet_table(streaks.quiet, selected) or selected


def _stale_table(rows: DataFrame, rules: Mapping[tuple[str, str], str]) -> tuple[str, str]:
    now = now_ns()
    shown = DataFrame(
        {
            "State": ["● ongoing" if ongoing else "ended" for ongoing in rows["ongoing"]],
            "Process": [plain(name, 200) for name in rows["process"]],
            "Data": [plain(name, 200) for name in rows["data"]],
            "Value": [plain(value, 200) or "(missing)" for value in rows["value"]],
            "Readings": rows["length"],
            "Lasted": [formatting.duration(ns / 1e6) for ns in rows["end_ns"] - rows["start_ns"]],
            "From": [formatting.format_time_short(int(ns), now) for ns in rows["start_ns"]],
            "To": [formatting.format_time_short(int(ns), now) for ns in rows["end_ns"]],
            "Rule": [
                plain(rules.get((process, data), ""), 200) if ongoing else ""
                for process, data, ongoing in rows[["process", "data", "ongoing"]].to_numpy()
            ],
        }
    )
    columns = {"Readings": st.column_config.NumberColumn(format="localized"), "State": 100}
    ids = table.ids_of(rows, "process", "data", "start_ns")
    series_shown = _linked() or (ids[0][0], ids[0][1])
    selected = [row_id for row_id in ids if row_id[:2] == series_shown]
    clicked = table.clickable(shown, ids, key="a_streaks", selected=selected, columns=columns, narrow=_NARROW)
    if clicked is None:
        return series_shown
    return _select(clicked)


def _quiet_table(streaks: DataFrame, selected: tuple[str, str] | None) -> tuple[str, str] | None:
    """Draw the series that repeat by design, if there are any; return the one that was just clicked."""
    rows = streaks.sort_values(["why", "length"], ascending=False, kind="stable").drop_duplicates(["process", "data"])
    if rows.empty:
        return None
    counts = rows["why"].value_counts()
    parts = [counted(int(counts[why]), why) for why in (stale.CONSTANT, stale.ARGUMENT) if why in counts]
    with st.expander(f"{' and '.join(parts)} that repeat by design"):
        st.caption(stale.HELP)
        shown = DataFrame(
            {
                "Kind": rows["why"],
                "Process": [plain(name, 200) for name in rows["process"]],
                "Data": [plain(name, 200) for name in rows["data"]],
                "Value": [plain(value, 200) or "(missing)" for value in rows["value"]],
                "Readings": rows["length"],
            }
        )
        ids = table.ids_of(rows, "process", "data")
        columns = {"Kind": 100, "Readings": st.column_config.NumberColumn(format="localized")}
        now = [row_id for row_id in ids if row_id == selected]
        clicked = table.clickable(shown, ids, key="a_quiet", selected=now, columns=columns)
    return None if clicked is None else _select(clicked)


def _select(row_id: table.RowId) -> tuple[str, str]:
    """Put the series of a row into the link, and return it."""
    navigation.update_link(**dict[str, str | None](zip(SERIES, row_id[:2], strict=True)))
    return row_id[0], row_id[1]


def _summary(streaks: DataFrame, series: int) -> str:
    stuck = int(streaks["ongoing"].sum())
    now = f":orange[**● {formatting.count(stuck)} stale now**]" if stuck else "**No stale values**"
    return f"{now} · {counted(len(streaks), 'streak')} in this window · {formatting.count(series)} series"


def _linked() -> tuple[str, str] | None:
    process, data = (st.query_params.get(name) for name in SERIES)
    return (process, data) if process and data else None
