"""Each writer of the log with what it counted, and the processes that went silent."""

from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core.clock import now_ns
from obs_core.query.questions import writers
from obs_core.ui.kit import formatting, table
from obs_core.ui.kit.text import plain
from obs_core.ui.series.silence import silence_suggestions, silent_card
from obs_core.ui.shell import rule_suggestions
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.panel import suggest_rules
from obs_core.ui.shell.scope import PageScope

STATES: Final = {"OK": "● OK", "DELAYED": "▲ DELAYED", "CIRCUIT_OPEN": "■ CIRCUIT_OPEN", "GONE": "✕ GONE"}
MOST: Final = 8


def writers_card(scope: PageScope) -> None:
    """What opens under the figures: a row for each writer, and the processes without a row in the last 5 minutes."""
    with st.expander("Each writer, and silent processes", key="o_writers", on_change="rerun") as opened:
        if not opened.open:
            return
        found = ask(writers.status, scope)
        suggest_rules("Writers", lambda: [rule_suggestions.writer(), *silence_suggestions(scope)])
        if found.empty:
            st.caption("No program is writing into this log now; those that do stand here with their queues.")
        else:
            table.clickable(shown(found, now_ns()), key="o_each_writer", columns=_columns(), most=MOST)
        st.caption("Silent processes: nothing in the last 5 minutes of the window's data.")
        silent_card(scope)


def shown(found: DataFrame, now: int) -> DataFrame:
    """The table of `writers.status`, the worst first; `now` is the moment that lags are taken to."""
    order = list(STATES)
    worst = found.assign(place=[-order.index(state) for state in found["state"]])
    worst = worst.sort_values(["place", "process", "pid"], kind="stable")
    rows = worst.to_dict("records")
    return DataFrame(
        {
            "State": [STATES[row["state"]] for row in rows],
            "Process": [plain(row["process"], 200) for row in rows],
            "PID": [str(row["pid"]) for row in rows],
            "Queue": [f"{formatting.count(row['queue'])} of {formatting.count(row['capacity'])}" for row in rows],
            "Written": [int(row["written"]) for row in rows],
            "Dropped": [int(row["dropped"]) for row in rows],
            "Recovered": [int(row["recovered"]) for row in rows],
            "Lag": [lag(row, now) for row in rows],
            "Last flush": [formatting.format_time(_known(row["last_flush_ns"])) for row in rows],
            "Last error": [plain(row["last_error"], 300) for row in rows],
        }
    )


def lag(row: dict[Any, Any], now: int) -> str:
    """How long the oldest row waits that is not in the log yet; nothing waits: 0 ms."""
    oldest = _known(row["oldest_ns"])
    return "0 ms" if oldest is None else formatting.duration(max(0, now - oldest) / 1e6)


def _known(moment: Any) -> int | None:  # noqa: ANN401 - a cell of a nullable column
    return None if moment is None or moment != moment or str(moment) == "<NA>" else int(moment)  # noqa: PLR0124 - NaN


def _columns() -> dict[str, Any]:
    whole = st.column_config.NumberColumn(format="localized", width=84)
    widths = {"State": 130, "Process": 150, "PID": 76, "Queue": 120, "Lag": 84, "Last flush": 180, "Last error": 260}
    return {**widths, "Written": whole, "Dropped": whole, "Recovered": whole}
