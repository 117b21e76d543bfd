"""What can be taken away from the page as a file: the rows that fit as CSV, one trace as OTLP or Jaeger JSON."""

from typing import Final
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from obs_core.query import export
from obs_core.query.questions import traces
from obs_core.ui.explorer.filter_link import Filter
from obs_core.ui.kit import formatting
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.panel import boundary
from obs_core.ui.shell.scope import PageScope
from obs_core.ui.shell.share import frozen

COUNTED: Final = 5_000_000  # rows; counting stops after a second, too


def export_menu(scope: PageScope, wanted: Filter) -> None:
    """A button that offers all rows that fit as CSV, once it has said how many they are and how large."""
    menu = st.popover("Export", icon=":material/download:", key="t_export", on_change="rerun")
    with menu, boundary("Export"):
        told = st.container()
        raw = st.toggle(  # drawn also while the menu is closed: the link loses what is not drawn
            "Leave formulas as they are",
            key="t_raw",
            bind="query-params",
            help="Else an apostrophe keeps a spreadsheet from running them.",
        )
        if menu.open and _holds_rows(told, scope, wanted):
            st.link_button("Download CSV", csv_link(scope, wanted, raw=raw), type="primary", width="stretch")


def trace_menu(trace_id: str) -> None:
    """A button that offers one trace as a file."""
    with st.popover("Export", icon=":material/download:", key="t_export_trace"):
        st.caption("The whole trace, as other tools read it.")
        for label, form in (("OTLP JSON", "otlp"), ("Jaeger JSON", "jaeger")):
            st.link_button(label, f"/export/trace/{form}?{urlencode({'trace': trace_id})}", width="stretch")


def csv_link(scope: PageScope, wanted: Filter, *, raw: bool) -> str:
    """The address of the file: the window as it is now, the group and the filter."""
    group = {"group": scope.group} if scope.group else {}
    return f"/export/rows.csv?{urlencode(frozen(scope) | group | wanted.link | ({'raw': '1'} if raw else {}))}"


def _holds_rows(place: DeltaGenerator, scope: PageScope, wanted: Filter) -> bool:
    """Say in `place` what the file will be; return whether there is anything to write."""
    total = ask(traces.total, scope, most=COUNTED, **wanted.parameters).iloc[0]
    rows, exact = int(total["rows"]), bool(total["exact"])
    if exact and not rows:
        place.caption("No row fits: there is nothing to export.")
        return False
    place.markdown(f"**{_counted(rows, exact=exact)}**{_size(scope, wanted, rows)}")
    place.caption("Everything that fits, oldest first; not only this page.")
    return True


def _counted(rows: int, *, exact: bool) -> str:
    if exact:
        return f"{formatting.count(rows)} rows"
    return f"more than {formatting.count(rows)} rows" if rows else "more rows than can be counted in a second"


def _size(scope: PageScope, wanted: Filter, rows: int) -> str:
    width = formatting.number(ask(export.width, scope, **wanted.parameters)["bytes"].iloc[0])
    return f", about {formatting.size(float(f'{width * rows:.2g}'))}" if width and rows else ""
