"""The panel of one trace: its summary, its waterfall, the selected call or value, and its functions."""

from collections.abc import Mapping

import streamlit as st
from pandas import DataFrame

from obs_core import charts
from obs_core.query.questions import traces
from obs_core.ui.explorer import link_state
from obs_core.ui.explorer.export_menu import trace_menu
from obs_core.ui.explorer.filter_link import LEVELS, TABS
from obs_core.ui.explorer.row_card import row_card
from obs_core.ui.explorer.trace_table import close
from obs_core.ui.explorer.waterfall import WaterfallEvent, row_ids, waterfall
from obs_core.ui.kit import formatting, navigation
from obs_core.ui.kit.text import counted, plain
from obs_core.ui.shell.answers import ask, derived
from obs_core.ui.shell.panel import panel
from obs_core.ui.shell.scope import PageScope
from obs_core.ui.shell.share import share


def selection_card(scope: PageScope) -> None:
    """Show the selection in the link: a trace with one of its rows selected, or a row without a trace."""
    trace, row = st.query_params.get("trace"), st.query_params.get("t_row")
    if not trace:
        navigation.update_link(t_tab=None, t_level=None)
    if trace:
        with panel(f"Trace {plain(trace, 40)}"):
            _trace(scope, trace, st.query_params.get("span"))
    elif row and not (row.isascii() and row.isdigit()):
        navigation.update_link(t_row=None)  # the filter bar shows a notice
    elif row:
        with panel("Selected row"):
            _actions(scope)
            row_card(scope, int(row[:18]))


def _actions(scope: PageScope, summary: str = "", trace_id: str = "") -> None:
    """The `summary` of the selection, with buttons to export, share and close it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(summary, width="stretch")
        if trace_id:
            trace_menu(trace_id)
        share(scope, key="t_share")
        st.button("Close", icon=":material/close:", on_click=close, key="t_close")


def _trace(scope: PageScope, trace_id: str, span_id: str | None) -> None:
    """Show the trace with the row `span_id` selected (by default the deepest one that failed, else the root)."""
    tree = ask(traces.tree, scope, trace_id=trace_id)
    if tree.empty:
        _actions(scope)
        st.info("Trace not found in this log. It may have been deleted or be in another log.")
        return
    _actions(scope, _summary(tree), trace_id)
    ids = row_ids(tree)
    selected = span_id if span_id in ids else _default_row(tree, ids)
    for remark in (*_unknown_span(span_id, selected), *oddities(tree)):
        st.caption(remark)
    level = st.query_params.get("t_level")
    if level not in LEVELS:  # the filter bar shows a notice
        level = None
        navigation.update_link(t_level=None)
    waterfall(
        tree,
        trace=trace_id,
        selected=selected,
        level=level,
        colours=_colours(tree),
        key="t_waterfall",
        on_event=_follow,
    )
    call, table = st.tabs(TABS, key="t_tab", on_change="rerun", bind="query-params")
    if table.open:
        with table:
            _functions(derived(by_function, tree))
    else:
        with call:
            row_card(scope, int(tree["id"].iloc[ids.index(selected)]), tree)


@link_state.in_session()
def _follow(event: WaterfallEvent) -> None:
    """Put the row and the level that a user selected in the waterfall into the link."""
    if event.selected is not None:
        navigation.update_link(span=event.selected)
    if event.level is not None:
        navigation.update_link(t_level=event.level or None)


def _unknown_span(span_id: str | None, selected: str) -> list[str]:
    """A note where the row in the link is not in the trace."""
    if span_id in (None, "", selected):
        return []
    return [
        formatting.escape_markdown(f"The linked row “{plain(span_id, 60)}” is not in this trace; another is selected.")
    ]


def oddities(tree: DataFrame) -> list[str]:
    """Notes on an irregular structure of the trace."""
    notes = []
    if orphans := int(tree["orphan"].sum()):
        text = counted(orphans, "row has", "rows have")
        notes.append(f"{text} a parent that is not in the log; such rows are at the top level.")
    if not (~tree["orphan"] & ~tree["cyclic"] & (tree["depth"] == 1)).any():
        notes.append("The trace has no root: its first call is not in the log, or has not ended yet.")
    if cycles := int(tree["cyclic"].sum()):
        text = counted(cycles, "parent cycle", "parent cycles")
        notes.append(f"{text} between calls; each starts at its earliest call.")
    spans = tree["span_id"][tree["span_id"].notna() & (tree["span_id"] != "")]
    if duplicates := int(spans.duplicated().sum()):
        text = counted(duplicates, "row has", "rows have")
        notes.append(f"{text} the span id of another row; children appear under the first.")
    if tree.attrs.get("truncated"):
        notes.append(f"The trace has more rows; the first {formatting.count(len(tree))} are shown.")
    return notes


def by_function(tree: DataFrame) -> DataFrame:
    """The trace's functions, the one with most self time first: calls, errors, total_ms, self_ms, self_share.

    Self time is a call's duration without the union of its children's intervals; the shares add up to 1.
    """
    calls = tree[tree["kind"] == "call"]
    name = calls["function"].fillna(calls["Data"]) if "function" in calls else calls["Data"]
    grouped = calls.assign(function=name, failed=calls["Status"] == "ERROR").groupby("function", sort=False)
    table = grouped.agg(
        calls=("Data", "size"), errors=("failed", "sum"), total_ms=("duration_ms", "sum"), self_ms=("self_ms", "sum")
    ).reset_index()
    whole = table["self_ms"].sum()
    table["self_share"] = table["self_ms"] / whole if whole else 0.0
    return table.sort_values("self_ms", ascending=False, kind="stable", ignore_index=True)


def _summary(tree: DataFrame) -> str:
    """The trace in one line of Markdown."""
    calls = tree[tree["kind"] == "call"]
    length = (tree["start_offset_ms"] + tree["duration_ms"].fillna(0.0)).max()
    errors = int((tree["Status"] == "ERROR").sum())
    others = len(tree) - len(calls)
    parts = [
        f"**{formatting.duration(length)}**",
        counted(len(calls), "call"),
        *([counted(others, "value or log", "values and logs")] if others else []),
        f":red[✕ {counted(errors, 'error')}]" if errors else "no errors",
        counted(tree["Process"].nunique(), "process", "processes"),
        f"started {formatting.format_time(int(tree['Timestamp'].min()))}",
    ]
    return " · ".join(parts)


def _default_row(tree: DataFrame, ids: list[str]) -> str:
    failed = [at for at, status in enumerate(tree["Status"]) if status == "ERROR"]
    return ids[failed[-1] if failed else 0]


def _colours(tree: DataFrame) -> Mapping[str, tuple[str, str]]:
    return charts.group_colours(tree["process_group"].dropna().unique())


def _functions(table: DataFrame) -> None:
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "function": st.column_config.TextColumn("Function", width="large"),
            "calls": st.column_config.NumberColumn("Calls", format="localized"),
            "errors": st.column_config.NumberColumn("Errors", format="localized"),
            "total_ms": st.column_config.NumberColumn("Total (ms)", format="%.3f"),
            "self_ms": st.column_config.NumberColumn("Self (ms)", format="%.3f"),
            "self_share": st.column_config.ProgressColumn("Share of self time", format="percent", max_value=1.0),
        },
    )
