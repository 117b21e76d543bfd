"""The calls of one function on a page: how they failed, what the newest returned, which values they recorded."""

from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.query.analysis import exception_kind as kinds
from obs_core.ui.kit import formatting, navigation
from obs_core.ui.kit.table import clickable, rounded
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import rule_suggestions

STACK: Final = 20_000
"""Characters of a stack that the page shows."""


def failures_card(failures: DataFrame) -> None:
    """Exceptions by type and line, most frequent first, and the newest stack."""
    if failures.empty:
        st.caption("No call of this function failed in this window.")
        return
    told = failures[["exception", "exception_stack"]].fillna("").itertuples(index=False)
    found = [kinds.failure(*each) for each in told]
    grouped = failures.assign(
        kind=[each.type or "error" for each in found], place=[each.place for each in found]
    ).groupby(["kind", "place"], sort=False)
    table = grouped.agg(times=("timestamp", "size"), newest=("timestamp", "max")).join(
        grouped[["exception", "trace_id", "span_id"]].first()
    )
    table = table.sort_values("times", ascending=False, kind="stable").reset_index()
    shown = DataFrame(
        {
            "Times": table["times"],
            "Exception": [plain(text, 300) or kind for text, kind in table[["exception", "kind"]].to_numpy()],
            "Raised in": [plain(place, 200) for place in table["place"]],
            "Newest": [formatting.format_time(int(moment)) for moment in table["newest"]],
        }
    )
    place = clickable(shown, key="f_failures", columns={"Times": 60, "Exception": 260, "Newest": 170})
    if place is not None and table["trace_id"].iloc[place]:
        navigation.go_to("trace_explorer", trace=table["trace_id"].iloc[place], span=table["span_id"].iloc[place])
    stacks = failures["exception_stack"].dropna()
    if len(stacks):
        with st.expander("Newest stack"):
            st.code(stacks.iloc[0][:STACK], language=None)


def value_suggestions(recorded: DataFrame) -> list[rule_suggestions.RuleSuggestion]:
    """For each series that the function recorded, a rule on its being stale."""
    named = recorded.head(rule_suggestions.MOST)
    return [rule_suggestions.stale(str(row["process"]), str(row["data"])) for row in named.to_dict("records")]


def recorded_card(recorded: DataFrame, streaks: DataFrame | None) -> None:
    """The series that the function recorded, with the streak that each is in; `streaks` are those of the window."""
    if recorded.empty or streaks is None:
        st.caption("It recorded no values in this window. `record(name, value)` does, and `@trace(args=True)`.")
        return
    going = streaks[streaks["ongoing"]].set_index(["process", "data"])["length"].to_dict()
    stuck = [going.get((row["process"], row["data"]), 0) for row in recorded.to_dict("records")]
    shown = DataFrame(
        {
            "Data": [plain(name, 200) for name in recorded["data"]],
            "Process": [plain(name, 200) for name in recorded["process"]],
            "Type": [plain(name, 100) for name in recorded["data_type"]],
            "Newest value": [plain(value, 300) for value in recorded["last_value"]],
            "Stale": [f"● {formatting.count(length)} equal readings" if length else "" for length in stuck],
            "Readings": recorded["readings"],
            "Newest": [formatting.format_time(int(moment)) for moment in recorded["last_ns"]],
        }
    )
    columns = {"Data": 210, "Type": 80, "Stale": 150, "Readings": 84, "Newest": 170}
    place = clickable(shown, key="f_recorded", columns=columns)
    if place is not None:
        navigation.go_to(
            "alerts", a_process=str(recorded["process"].iloc[place]), a_data=str(recorded["data"].iloc[place])
        )


def recent_card(recent: DataFrame) -> None:
    """The newest calls with what they returned and recorded."""
    if recent.empty:
        st.caption("No call in this window.")
        return
    shown = DataFrame(
        {
            "Began": [formatting.format_time(int(moment)) for moment in recent["timestamp"]],
            "Status": recent["status"],
            "Duration (ms)": rounded(recent["duration_ms"]),
            "Result type": [plain(text, 100) for text in recent["data_type"]],
            "Result": [plain(text, 300) for text in recent["data_value"]],
            "Arguments and values": [plain(text, 500) for text in recent["carried"]],
            "Exception": [plain(text, 300) for text in recent["exception"]],
        }
    )
    columns = {"Began": 170, "Status": 70, "Duration (ms)": 96, "Result type": 86, "Arguments and values": 300}
    place = clickable(shown, key="f_recent", columns=columns)
    if place is not None and recent["trace_id"].iloc[place]:
        navigation.go_to("trace_explorer", trace=recent["trace_id"].iloc[place], span=recent["span_id"].iloc[place])
