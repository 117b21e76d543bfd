"""Values that are stuck: the rule that judges them, the streaks as a table, one series with its streaks shaded."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core import charts
from obs_core.clock import now_ns
from obs_core.query import overview, values
from obs_core.ui import drawing, frame, links, rule_offers, table
from obs_core.ui.ask import ask
from obs_core.ui.cards import silent_processes
from obs_core.ui.controls import Chosen
from obs_core.ui.plain import counted, plain

LISTED: Final = 500
"""Readings that a table shows."""

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


def offer_of(judged: Mapping[str, Any], process: str = "", data: str = "") -> rule_offers.Offer:
    """A rule on one series, or on all, that judges as the controls say."""
    tolerance = f"{judged['tolerance']:g}" if judged["tolerance"] else ""
    return rule_offers.stale(process, data, judged["threshold"], missing=judged["missing"], tolerance=tolerance)


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
            "Lasted": [frame.duration(ns / 1e6) for ns in worst["end_ns"] - worst["start_ns"]],
            "From": [frame.brief(int(ns), now) for ns in worst["start_ns"]],
            "To": [frame.brief(int(ns), now) for ns in worst["end_ns"]],
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


def series_card(
    chosen: Chosen,
    process: str,
    data: str,
    rule: dict[str, Any],
    *,
    key: str = "a_readings",
    marks: Callable[[int, int], DataFrame] | None = None,
    fires: bool = False,
    listed: bool = False,
) -> None:
    """Draw the newest readings of one series, its streaks shaded; unless their bands are when something `fires`.

    `marks` are told the moments from which and to which is drawn (see `rule_marks.marks`). `listed` puts the readings
    in a table, too; what is no number is always listed.
    """
    readings = ask(values.history, chosen, process=process, data=data)
    if readings.empty:
        st.caption("No reading of this series in this window.")
        return
    if readings.attrs.get("truncated"):
        st.caption(f"The newest {frame.count(len(readings))} readings of the window are shown.")
    streaks = ask(values.streaks, chosen, process=process, data=data, **rule)
    numbers = readings["number"]
    if numbers.notna().any():
        first_ns, last_ns = (int(readings["timestamp"].iloc[place]) for place in (0, -1))
        parts = [DataFrame({"moment_ns": readings["timestamp"], "number": numbers})]
        parts += [] if fires else [shading(streaks, first_ns)]
        parts += [] if marks is None else [marks(first_ns, last_ns)]
        chart = charts.readings("Value", "Fires") if fires else charts.readings()
        drawing.show(chart, drawing.beside(*parts), key=key)
    if listed or not numbers.notna().any():
        shown = _texts(readings, streaks)
        height = min(300, (len(shown) + 1) * table.ROW_HEIGHT + 8)
        st.dataframe(shown, hide_index=True, height=height, row_height=table.ROW_HEIGHT)
    links.to("trace_explorer", label="Its rows in the Trace Explorer", t_kind="value", t_process=process, t_q=data)


def shading(streaks: DataFrame, first_ns: int) -> DataFrame:
    """The streaks as bands (columns start_ns, end_ns, label), cut where the readings begin that are shown."""
    seen = streaks[streaks["end_ns"] >= first_ns]
    labels = [
        f"{frame.count(length)} times {plain(value, 40) or 'missing'}"
        for length, value in seen[["length", "value"]].to_numpy()
    ]
    return DataFrame({"start_ns": seen["start_ns"].clip(lower=first_ns), "end_ns": seen["end_ns"], "label": labels})


def silent_offers(chosen: Chosen) -> list[rule_offers.Offer]:
    """For each process that is silent now, a rule on its silence; one for all where none is."""
    reads = set(ask(values.series, chosen)["process"])
    names = silent_processes(chosen)[: rule_offers.MOST]
    offers = [rule_offers.silent(name, of="values" if name in reads else "calls") for name in names]
    return offers or [rule_offers.silent(group=chosen.group)]


def silent_card(chosen: Chosen) -> None:
    """The processes of the window that stopped writing, with their newest row."""
    names = silent_processes(chosen)
    found = ask(overview.processes, chosen)
    if not names:
        st.caption(f"None of {frame.count(len(found))}: each wrote within the last 5 minutes of the window's data.")
        return
    silent = found[found["process"].isin(names)].sort_values("last_ns")
    st.dataframe(
        {
            "Process": [plain(name, 200) for name in silent["process"]],
            "Group": [plain(name, 200) for name in silent["process_group"]],
            "Newest row": [frame.moment(int(ns)) for ns in silent["last_ns"]],
        },
        hide_index=True,
        row_height=table.ROW_HEIGHT,
    )


def _summary(streaks: DataFrame, watched: int) -> str:
    stuck = int(streaks["ongoing"].sum())
    now = f":orange[**● {frame.count(stuck)} stale now**]" if stuck else "**None stale now**"
    return f"{now} · {counted(len(streaks), 'streak')} in this window · {frame.count(watched)} series watched"


def _linked() -> tuple[str, str] | None:
    process, data = (st.query_params.get(name) for name in SERIES)
    return (process, data) if process and data else None


def _texts(readings: DataFrame, streaks: DataFrame) -> DataFrame:
    """The newest readings as text, each with the streak that it is part of."""
    newest = readings.iloc[::-1].head(LISTED)
    runs = streaks.sort_values("start_ns")
    places = runs["start_ns"].searchsorted(newest["timestamp"], side="right") - 1
    ends, lengths = runs["end_ns"].tolist(), runs["length"].tolist()
    return DataFrame(
        {
            "Timestamp": [frame.moment(int(ns)) for ns in newest["timestamp"]],
            "Value": [plain(value, 300) for value in newest["data_value"]],
            "Stale": [
                f"● one of {frame.count(lengths[place])} equal" if place >= 0 and ns <= ends[place] else ""
                for ns, place in zip(newest["timestamp"], places, strict=True)
            ],
        }
    )
