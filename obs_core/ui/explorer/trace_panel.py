"""What the view of one trace shows: its waterfall, next to it the selected call or value, and its functions."""

from collections.abc import Mapping

import streamlit as st
from pandas import DataFrame

from obs_core import theme
from obs_core.ui.explorer import link_state
from obs_core.ui.explorer.filter_link import LEVELS, TABS
from obs_core.ui.explorer.row_card import row_card
from obs_core.ui.explorer.waterfall import WaterfallEvent, row_ids, waterfall
from obs_core.ui.kit import formatting, navigation
from obs_core.ui.kit.text import counted, plain
from obs_core.ui.shell.answers import derived
from obs_core.ui.shell.scope import PageScope


def trace_panel(scope: PageScope, trace_id: str, tree: DataFrame, span_id: str | None) -> None:
    """Draw the trace with the row `span_id` selected (by default the deepest one that failed, else the root)."""
    ids = row_ids(tree)
    selected = span_id if span_id in ids else _default_row(tree, ids)
    st.caption(_summary(tree))
    for remark in (*_unknown_span(span_id, selected), *oddities(tree)):
        st.caption(remark)
    level = st.query_params.get("t_level")
    if level not in LEVELS:  # the filter bar shows a notice
        level = None
        navigation.update_link(t_level=None)
    with st.container(key="t_split"):
        left, right = st.columns([3, 2])
    with left:
        waterfall(
            tree,
            trace=trace_id,
            selected=selected,
            level=level,
            colours=_colours(tree),
            key="t_waterfall",
            on_event=_follow,
        )
    with right:
        call, table = st.tabs(TABS, key="t_tab", on_change="rerun", bind="query-params")
        if table.open:
            with table:
                _functions(derived(by_function, tree))
        else:
            with call:
                row_card(scope, int(tree["id"].iloc[ids.index(selected)]), tree)


def title_of(tree: DataFrame) -> str:
    """The trace in a few words: service and name of its root, its duration, and how many spans and errors it has."""
    roots = tree[(tree["depth"] == 1) & (tree["kind"] == "call")]
    root = (roots if len(roots) else tree).iloc[0]
    errors = int((tree["Status"] == "ERROR").sum())
    parts = (
        f"{plain(root['Process'], 60)}: {plain(root['Data'], 120)}",
        formatting.duration(_length_ms(tree)),
        counted(int((tree["kind"] == "call").sum()), "span"),
        counted(errors, "error") if errors else "no errors",
    )
    return " · ".join(parts)


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
    """What the title does not say of the trace, in one line of Markdown."""
    calls = int((tree["kind"] == "call").sum())
    others = len(tree) - calls
    parts = [
        counted(calls, "call"),
        *([counted(others, "value or log", "values and logs")] if others else []),
        counted(tree["Process"].nunique(), "service"),
        f"started {formatting.format_time(int(tree['Timestamp'].min()))}",
    ]
    return " · ".join(parts)


def _length_ms(tree: DataFrame) -> float:
    """The time from the start of the trace to the end of its last row."""
    return float((tree["start_offset_ms"] + tree["duration_ms"].fillna(0.0)).max())


def _default_row(tree: DataFrame, ids: list[str]) -> str:
    failed = [at for at, status in enumerate(tree["Status"]) if status == "ERROR"]
    return ids[failed[-1] if failed else 0]


def _colours(tree: DataFrame) -> Mapping[str, tuple[str, str]]:
    return theme.group_colours(tree["process_group"].dropna().unique())


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
