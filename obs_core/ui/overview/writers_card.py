"""The writers of the log with their counters, and the silent processes."""

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
from obs_core.ui.shell.state_badges import WRITERS

MOST: Final = 8


def writers_card(scope: PageScope) -> None:
    """Draw the expander below the stat cards: a row per writer, and the silent processes."""
    with st.expander("Writers and silent processes", key="o_writers", on_change="rerun") as opened:
        if not opened.open:
            return
        status = ask(writers.status, scope)
        suggest_rules("Writers", lambda: [rule_suggestions.writer(), *silence_suggestions(scope)])
        if status.empty:
            st.caption("No writers are running. Running writers and their queues are listed here.")
        else:
            listed = shown(status, now_ns())
            ids = table.ids_of(listed, "Process", "PID")
            table.clickable(listed, ids, key="o_writer_rows", columns=_columns(), most=MOST)
        st.caption("Silent processes: no rows in the last 5 minutes of the data.")
        silent_card(scope)


def shown(status: DataFrame, now: int) -> DataFrame:
    """Return the table of `writers.status`, worst first; lags are measured up to `now`."""
    order = list(WRITERS)
    ranked = status.assign(rank=[-order.index(state) for state in status["state"]])
    ranked = ranked.sort_values(["rank", "process", "pid"], kind="stable")
    rows = ranked.to_dict("records")
    return DataFrame(
        {
            "State": [WRITERS[row["state"]].text for row in rows],
            "Process": [plain(row["process"], 200) for row in rows],
            "PID": [str(row["pid"]) for row in rows],
            "Queue": [f"{formatting.count(row['queue'])} of {formatting.count(row['capacity'])}" for row in rows],
            "Written": [int(row["written"]) for row in rows],
            "Dropped": [int(row["dropped"]) for row in rows],
            "Recovered": [int(row["recovered"]) for row in rows],
            "Lag": [lag(row, now) for row in rows],
            "Last flush": [formatting.format_time(_timestamp(row["last_flush_ns"])) for row in rows],
            "Last error": [plain(row["last_error"], 300) for row in rows],
        }
    )


def lag(row: dict[Any, Any], now: int) -> str:
    """Return the age of the oldest queued row; 0 ms if none is queued."""
    oldest = _timestamp(row["oldest_ns"])
    return "0 ms" if oldest is None else formatting.duration(max(0, now - oldest) / 1e6)


def _timestamp(cell: Any) -> int | None:  # noqa: ANN401 - a cell of a nullable column
    return None if cell is None or cell != cell or str(cell) == "<NA>" else int(cell)  # noqa: PLR0124 - NaN


def _columns() -> dict[str, Any]:
    whole = st.column_config.NumberColumn(format="localized", width=84)
    widths = {"State": 130, "Process": 150, "PID": 76, "Queue": 120, "Lag": 84, "Last flush": 180, "Last error": 260}
    return {**widths, "Written": whole, "Dropped": whole, "Recovered": whole}
