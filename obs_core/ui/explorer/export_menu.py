"""The export buttons: all matching rows, or one trace, as a file in one of the export formats."""

from typing import Final, Literal
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from obs_core.export.export_format import ExportFormat
from obs_core.export.registry import offered_for
from obs_core.query import export
from obs_core.query.filters.row_filter import RowFilter
from obs_core.query.questions import traces
from obs_core.ui.explorer.filter_link import to_link
from obs_core.ui.kit import formatting
from obs_core.ui.kit.base_path import base_path
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.panel import boundary
from obs_core.ui.shell.scope import PageScope
from obs_core.ui.shell.share import frozen

MAX_COUNT: Final = 5_000_000  # rows; counting also stops after a second


def export_menu(scope: PageScope, row_filter: RowFilter) -> None:
    """A menu that shows how many rows match and how large their CSV is, and offers them for download."""
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
            for export_format in offered_for("rows"):
                link = rows_link(export_format, scope, row_filter, raw=raw)
                kind: Literal["primary", "secondary"] = "primary" if export_format.name == "csv" else "secondary"
                st.link_button(f"Download {export_format.label}", link, type=kind, width="stretch")


def trace_menu(trace_id: str) -> None:
    """A menu that offers one trace as a file."""
    with st.popover("Export", icon=":material/download:", key="t_export_trace"):
        st.caption("The whole trace in the format of other tools.")
        for known in offered_for("trace"):
            st.link_button(
                known.label,
                f"{base_path()}/export/trace/{known.name}?{urlencode({'trace': trace_id})}",
                width="stretch",
            )


def rows_link(export_format: ExportFormat, scope: PageScope, row_filter: RowFilter, *, raw: bool) -> str:
    """The address of the file: the window as it is now, the group and the filter."""
    parameters = frozen(scope) | ({"group": scope.group} if scope.group else {}) | to_link(row_filter)
    if raw and export_format.escapes_formulas:
        parameters |= {"raw": "1"}
    return f"{base_path()}/export/rows.{export_format.name}?{urlencode(parameters)}"


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
