"""The newest errors of the window as tables: one per row, and grouped by exception type."""

from typing import Any, Final

import streamlit as st
from pandas import DataFrame, Series

from obs_core.ui.kit import formatting, navigation, table
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import rule_suggestions
from obs_core.ui.shell.answers import derived
from obs_core.ui.shell.scope import PageScope

WIDEST: Final = 300  # characters of an exception in a table
LONGEST_SEARCH: Final = 100


def failure_suggestions(scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    """Suggest a rule on new exception types."""
    return [rule_suggestions.new_exception(scope)]


def recent_errors(errors: DataFrame, *, date: bool) -> None:
    """Draw the newest errors, with or without the `date`; a click opens the trace with the call selected."""
    if errors.empty:
        st.caption("No errors in this window.")
        return
    shown = derived(_newest, errors, date=date, zone=formatting.zone_name())
    clicked = table.clickable(
        shown,
        table.ids_of(errors, "trace_id", "span_id", "id"),
        key="o_errors",
        columns={"Timestamp": 170 if date else 100, "Process": 130, "Exception": 240, "Data": 150},
    )
    if clicked is not None:
        rows = errors[errors["id"].astype(str) == clicked[2]]
        _open(rows.iloc[0]) if len(rows) else navigation.go_to("trace_explorer", trace=clicked[0], span=clicked[1])


def exceptions(kinds: DataFrame, *, date: bool) -> None:
    """Draw `overview.exceptions`, most frequent first; a click opens the newest trace and filters by its type."""
    if kinds.empty:
        st.caption("No errors in this window.")
        return
    shown = derived(_kinds_table, kinds, date=date, zone=formatting.zone_name())
    columns = {
        "Exception": 110,
        "Where": 110,
        "Count": st.column_config.NumberColumn(format="localized", width=56),
        "Trend": st.column_config.LineChartColumn(width=70, y_min=0),
        "Last": 170 if date else 96,
        "First": 170 if date else 96,
    }
    ids = table.ids_of(kinds, "type", "location", "function")
    clicked = table.clickable(shown, ids, key="o_kinds", columns=columns)
    if clicked in ids:
        row = kinds.iloc[ids.index(clicked)]
        search = str(row["type"] or row["exception"] or "")[:LONGEST_SEARCH]
        _open(row, t_q=search or None)
    if kinds.attrs.get("truncated"):
        st.caption("Counts cover the newest 10,000 errors of the window; the most frequent kinds are shown.")


def _newest(errors: DataFrame, *, date: bool, zone: str) -> DataFrame:
    """The table of single errors; `zone` is the reader's time zone, in which times are formatted."""
    del zone
    return DataFrame(
        {
            "Timestamp": [formatting.format_time(int(ns), date=date) for ns in errors["timestamp"]],
            "Process": [plain(name, 200) for name in errors["process"]],
            "Exception": [plain(text, WIDEST) or "(no message)" for text in errors["exception"]],
            "Data": [plain(name, 200) for name in errors["data"]],
        }
    )


def _kinds_table(kinds: DataFrame, *, date: bool, zone: str) -> DataFrame:
    """The table of exception kinds, see `_newest`."""
    del zone
    return DataFrame(
        {
            "Exception": [_kind(row) for row in kinds.to_dict("records")],
            "Where": [plain(row["location"] or row["function"], 200) for row in kinds.to_dict("records")],
            "Count": kinds["calls"],
            "Trend": kinds["trend"],
            "Last": [formatting.format_time(int(ns), date=date) for ns in kinds["last_ns"]],
            "First": [formatting.format_time(int(ns), date=date) for ns in kinds["first_ns"]],
        }
    )


def _kind(row: dict[Any, Any]) -> str:
    """The type of an exception, or its message if it has no type."""
    return plain(row["type"] or row["exception"], WIDEST) or "(no message)"


def _open(row: "Series[Any]", **filters: str | None) -> None:
    trace, span = (row[name] if isinstance(row[name], str) else None for name in ("trace_id", "span_id"))
    navigation.go_to("trace_explorer", t_status="ERROR", trace=trace, span=span if trace else None, **filters)
