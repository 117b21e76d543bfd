"""The newest errors of the window, one per row."""

from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.ui.kit import formatting, navigation, table
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import rule_suggestions
from obs_core.ui.shell.answers import derived
from obs_core.ui.shell.scope import PageScope

WIDEST: Final = 300  # characters of an exception in a table


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
        derived(_ids, errors),
        key="o_errors",
        columns={"Timestamp": 170 if date else 100, "Process": 110, "Exception": 210, "Data": 150},
        narrow={"Exception": 232, "Timestamp": 96},
    )
    if clicked is not None:
        _open(*clicked[:2])


def _ids(errors: DataFrame) -> list[table.RowId]:
    return table.ids_of(errors.fillna({"trace_id": "", "span_id": ""}), "trace_id", "span_id", "id")


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


def _open(trace: str, span: str) -> None:
    """Open the trace of an error, which may have left the table since; the failed rows if it has none."""
    navigation.go_to("trace_explorer", t_status="ERROR", trace=trace or None, span=span if trace and span else None)
