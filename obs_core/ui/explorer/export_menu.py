"""The export buttons: all matching rows as CSV, one trace as OTLP or Jaeger JSON."""

from typing import Final
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from obs_core.query import export
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import traces
from obs_core.ui.explorer.filter_link import to_link
from obs_core.ui.kit import formatting
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.panel import boundary
from obs_core.ui.shell.scope import PageScope
from obs_core.ui.shell.share import frozen

MAX_COUNT: Final = 5_000_000  # rows; counting also stops after a second


def export_menu(scope: PageScope, row_filter: RowFilter) -> None:
    """A menu that shows how many rows match and how large their CSV is, and offers it for download."""
    menu = st.popover("Export", icon=":material/download:", key="t_export", on_change="rerun")
    with menu, boundary("Export"):
        summary = st.container()
        raw = st.toggle(  # drawn also while the menu is closed: a control that is not drawn leaves the link
            "Do not escape formulas",
            key="t_raw",
            bind="query-params",
            help="By default an apostrophe keeps spreadsheets from running them.",
        )
        if menu.open and _has_rows(summary, scope, row_filter):
            st.link_button("Download CSV", csv_link(scope, row_filter, raw=raw), type="primary", width="stretch")


def trace_menu(trace_id: str) -> None:
    """A menu that offers one trace as a file."""
    with st.popover("Export", icon=":material/download:", key="t_export_trace"):
        st.caption("The whole trace in the format of other tools.")
        for label, format_name in (("OTLP JSON", "otlp"), ("Jaeger JSON", "jaeger")):
            st.link_button(label, f"/export/trace/{format_name}?{urlencode({'trace': trace_id})}", width="stretch")


def csv_link(scope: PageScope, row_filter: RowFilter, *, raw: bool) -> str:
    """The address of the CSV: the window as it is now, the group and the filter."""
    group = {"group": scope.group} if scope.group else {}
    return f"/export/rows.csv?{urlencode(frozen(scope) | group | to_link(row_filter) | ({'raw': '1'} if raw else {}))}"


def _has_rows(summary: DeltaGenerator, scope: PageScope, row_filter: RowFilter) -> bool:
    """Describe the file in `summary`; return whether it has any rows."""
    total = ask(traces.total, scope, row_filter=row_filter, most=MAX_COUNT).iloc[0]
    rows, exact = int(total["rows"]), bool(total["exact"])
    if exact and not rows:
        summary.caption("No matching rows to export.")
        return False
    summary.markdown(f"**{_count(rows, exact=exact)}**{_size(scope, row_filter, rows)}")
    summary.caption("All matching rows, oldest first; not only this page.")
    return True


def _count(rows: int, *, exact: bool) -> str:
    if exact:
        return f"{formatting.count(rows)} rows"
    return f"more than {formatting.count(rows)} rows" if rows else "more rows than can be counted in a second"


def _size(scope: PageScope, row_filter: RowFilter, rows: int) -> str:
    width = formatting.number(ask(export.width, scope, row_filter=row_filter)["bytes"].iloc[0])
    return f", about {formatting.size(float(f'{width * rows:.2g}'))}" if width and rows else ""
