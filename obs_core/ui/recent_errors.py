"""The newest errors of the window as tables: one by one, and grouped by the type of their exception."""

import re
from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.ui import frame, links, table
from obs_core.ui.plain import plain

WIDEST: Final = 300  # characters of an exception in a table
COUNTED: Final = 1_000
_TYPE: Final = re.compile(r"([A-Za-z_][\w.$]*)(?::|$)")
_DIGITS: Final = re.compile(r"\b[0-9a-f]{8,}\b|[0-9]+(?:[.:,-][0-9]+)*")


def recent_errors(errors: DataFrame, *, date: bool) -> None:
    """Draw the newest errors, with the `date` of each or not; a click on one opens its trace with it selected."""
    if errors.empty:
        st.caption("No call failed in this window.")
        return
    shown = DataFrame(
        {
            "Timestamp": [frame.moment(int(ns), date=date) for ns in errors["timestamp"]],
            "Process": [plain(name, 200) for name in errors["process"]],
            "Exception": [plain(text, WIDEST) or "(no message)" for text in errors["exception"]],
            "Data": [plain(name, 200) for name in errors["data"]],
        }
    )
    place = table.clickable(
        shown,
        key="o_errors",
        columns={"Timestamp": 170 if date else 100, "Process": 130, "Exception": 240, "Data": 150},
    )
    if place is not None:
        row = errors.iloc[place]
        trace, span = row["trace_id"], row["span_id"]
        links.open_("trace_explorer", t_status="ERROR", trace=trace, span=span if isinstance(trace, str) else None)


def exceptions(errors: DataFrame, *, date: bool) -> None:
    """Draw the errors by type: how many, the first and the last of them; a click searches for the type."""
    if errors.empty:
        st.caption("No call failed in this window.")
        return
    kinds = errors.assign(kind=errors["exception"].map(kind_of))
    counted = kinds.groupby("kind", sort=False).agg(
        times=("timestamp", "size"), first=("timestamp", "min"), last=("timestamp", "max")
    )
    counted = counted.sort_values("times", ascending=False, kind="stable").reset_index()
    shown = DataFrame(
        {
            "Type": [plain(kind, 120) or "(no message)" for kind in counted["kind"]],
            "Count": counted["times"],
            "Last": [frame.moment(int(ns), date=date) for ns in counted["last"]],
            "First": [frame.moment(int(ns), date=date) for ns in counted["first"]],
        }
    )
    place = table.clickable(
        shown, key="o_kinds", columns={"Type": 190, "Count": 60, "Last": 96, "First": 96}, height=330
    )
    if place is not None:
        links.open_(
            "trace_explorer",
            t_status="ERROR",
            t_q=max(str(counted["kind"].iloc[place]).split("#"), key=len).strip() or None,
        )
    if len(errors) >= COUNTED:
        st.caption(f"Counted over the newest {frame.count(COUNTED)} errors of the window.")


def kind_of(exception: object) -> str:
    """The type of an exception written as `Type: message`; anything else by its first words, numbers left out."""
    text = exception if isinstance(exception, str) else ""
    if named := _TYPE.match(text):
        return named[1]
    return _DIGITS.sub("#", text.strip().partition("\n")[0][:80])
