"""The calls of one function: its errors, its newest results and its recorded values."""

from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core import issues
from obs_core.ui.kit import formatting, navigation
from obs_core.ui.kit.table import clickable, ids_of, rounded
from obs_core.ui.kit.text import plain
from obs_core.ui.series import stale
from obs_core.ui.shell import rule_suggestions

STACK: Final = 20_000
"""Characters of a stack trace that the page shows."""


def failures_card(failures: DataFrame) -> None:
    """Draw exceptions by type and line, most frequent first, and the newest stack trace."""
    if failures.empty:
        st.caption("No errors of this function in this window.")
        return
    texts = failures[["exception", "exception_stack"]].fillna("").itertuples(index=False)
    kinds = [issues.failure(*row) for row in texts]
    grouped = failures.assign(
        kind=[kind.type or "error" for kind in kinds], location=[kind.location for kind in kinds]
    ).groupby(["kind", "location"], sort=False)
    table = grouped.agg(count=("timestamp", "size"), newest=("timestamp", "max")).join(
        grouped[["exception", "trace_id", "span_id"]].first()
    )
    table = table.sort_values("count", ascending=False, kind="stable").reset_index()
    shown = DataFrame(
        {
            "Count": table["count"],
            "Exception": [plain(text, 300) or kind for text, kind in table[["exception", "kind"]].to_numpy()],
            "Raised in": [plain(location, 200) for location in table["location"]],
            "Newest": [formatting.format_time(int(time_ns)) for time_ns in table["newest"]],
        }
    )
    ids = ids_of(table, "kind", "location")
    clicked = clickable(shown, ids, key="f_failures", columns={"Count": 60, "Exception": 260, "Newest": 170})
    if clicked in ids and table["trace_id"].iloc[ids.index(clicked)]:
        newest = table.iloc[ids.index(clicked)]
        navigation.go_to("trace_explorer", trace=newest["trace_id"], span=newest["span_id"])
    stacks = failures["exception_stack"].dropna()
    if len(stacks):
        with st.expander("Newest stack trace"):
            st.code(stacks.iloc[0][:STACK], language=None)


def value_suggestions(recorded: DataFrame) -> list[rule_suggestions.RuleSuggestion]:
    """Suggest a rule on stale values for each series that the function recorded."""
    named = recorded.head(rule_suggestions.MOST)
    return [rule_suggestions.stale(str(row["process"]), str(row["data"])) for row in named.to_dict("records")]


def recorded_card(recorded: DataFrame, streaks: stale.Split | None) -> None:
    """Draw the recorded series with their ongoing streaks; `streaks` are those of the window."""
    if recorded.empty or streaks is None:
        st.caption("No recorded values in this window. Record them with `record(name, value)` or `@trace(args=True)`.")
        return
    stuck = streaks.stale[streaks.stale["ongoing"]]
    series = ["process", "data"]
    states = {
        **streaks.quiet[streaks.quiet["ongoing"]].set_index(series)["why"].to_dict(),
        **{
            pair: f"● {formatting.count(length)} equal readings"
            for pair, length in stuck.set_index(series)["length"].to_dict().items()
        },
    }
    shown = DataFrame(
        {
            "Data": [plain(name, 200) for name in recorded["data"]],
            "Process": [plain(name, 200) for name in recorded["process"]],
            "Type": [plain(name, 100) for name in recorded["data_type"]],
            "Newest value": [plain(value, 300) for value in recorded["last_value"]],
            "Stale": [states.get((row["process"], row["data"]), "") for row in recorded.to_dict("records")],
            "Readings": recorded["readings"],
            "Newest": [formatting.format_time(int(time_ns)) for time_ns in recorded["last_ns"]],
        }
    )
    columns = {"Data": 210, "Type": 80, "Stale": 150, "Readings": 84, "Newest": 170}
    clicked = clickable(shown, ids_of(recorded, "process", "data"), key="f_recorded", columns=columns)
    if clicked is not None:
        navigation.go_to("alerts", a_process=clicked[0], a_data=clicked[1])


def recent_card(recent: DataFrame) -> None:
    """Draw the newest calls with their results and recorded values."""
    if recent.empty:
        st.caption("No calls in this window.")
        return
    shown = DataFrame(
        {
            "Start": [formatting.format_time(int(time_ns)) for time_ns in recent["timestamp"]],
            "Status": recent["status"],
            "Duration (ms)": rounded(recent["duration_ms"]),
            "Result type": [plain(text, 100) for text in recent["data_type"]],
            "Result": [plain(text, 300) for text in recent["data_value"]],
            "Arguments and values": [plain(text, 500) for text in recent["carried"]],
            "Exception": [plain(text, 300) for text in recent["exception"]],
        }
    )
    columns = {"Start": 170, "Status": 70, "Duration (ms)": 96, "Result type": 86, "Arguments and values": 300}
    narrow = {"Start": 96, "Status": 56, "Duration (ms)": 70, "Exception": 108}
    ids = ids_of(recent.fillna({"trace_id": "", "span_id": ""}), "trace_id", "span_id", "timestamp")
    clicked = clickable(shown, ids, key="f_recent", columns=columns, narrow=narrow)
    if clicked is not None and clicked[0]:
        navigation.go_to("trace_explorer", trace=clicked[0], span=clicked[1] or None)
