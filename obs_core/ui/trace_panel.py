"""One trace on a page: its figures, its waterfall, the call or value that was picked, and its functions."""

import json
from collections.abc import Mapping
from typing import Any, Final

import streamlit as st
from pandas import DataFrame, Series, notna

from obs_core import charts
from obs_core.query import traces
from obs_core.ui import frame, links
from obs_core.ui.ask import ask
from obs_core.ui.controls import Chosen
from obs_core.ui.panel import panel
from obs_core.ui.plain import counted, plain
from obs_core.ui.waterfall import row_ids, waterfall

LONGEST: Final = 20_000
"""Characters of one text that the page shows; a browser takes a second for each million."""


def selection_card(chosen: Chosen) -> None:
    """Show what the link names: a trace with one of its rows picked, or a row that belongs to no trace."""
    trace, row = st.query_params.get("trace"), st.query_params.get("t_row")
    if trace:
        with panel(f"Trace {plain(trace, 40)}"):
            _trace(chosen, trace, st.query_params.get("span"))
    elif row and row.isascii() and row.isdigit():
        with panel("Selected row"):
            row_card(chosen, int(row[:18]))


def _trace(chosen: Chosen, trace_id: str, span_id: str | None) -> None:
    """Show the trace `trace_id` with the row `span_id` picked (by default the deepest that failed, else the root)."""
    tree = ask(traces.tree, chosen, trace_id=trace_id)
    if tree.empty:
        st.info("The log holds no trace with this id. It may have been removed, or stand in another log.")
        return
    _figures(tree)
    ids = row_ids(tree)
    selected = span_id if span_id in ids else _first(tree, ids)
    picked = waterfall(tree, trace=trace_id, selected=selected, colours=_colours(tree), key="t_waterfall")
    if picked in ids and picked != selected:
        st.query_params["span"] = selected = picked
    call, table = st.tabs(["Selected row", "By function"])
    with call:
        row_card(chosen, int(tree["id"].iloc[ids.index(selected)]), tree)
    with table:
        _functions(by_function(tree))


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


def row_card(chosen: Chosen, row_id: int, tree: DataFrame | None = None) -> None:
    """Everything the log holds of one row; with its `tree`, also the values that it recorded."""
    found = ask(traces.row, chosen, id=row_id)
    if found.empty:
        st.info("The log no longer holds this row.")
        return
    row = found.iloc[0]
    _facts(row)
    _text("Exception", row["exception_stack"] or row["exception"])
    _text("Value", row["data_value"])
    if tree is not None and isinstance(row["span_id"], str):
        _values(tree[(tree["parent_span_id"] == row["span_id"]) & (tree["kind"] != "call")])
    _attributes(row["attributes"])


def _figures(tree: DataFrame) -> None:
    calls = tree[tree["kind"] == "call"]
    length = (tree["start_offset_ms"] + tree["duration_ms"].fillna(0.0)).max()
    errors = int((tree["Status"] == "ERROR").sum())
    orphans = int(tree["orphan"].sum())
    others = len(tree) - len(calls)
    words = [
        f"**{frame.duration(length)}**",
        counted(len(calls), "call"),
        *([counted(others, "value or log", "values and logs")] if others else []),
        f":red[✕ {counted(errors, 'error')}]" if errors else "no errors",
        counted(tree["Process"].nunique(), "process", "processes"),
        f"began {frame.moment(int(tree['Timestamp'].min()))}",
    ]
    st.markdown(" · ".join(words))
    if orphans:
        st.caption(
            f"{counted(orphans, 'row names', 'rows name')} a caller that is not in the log, and stand at the top level."
        )


def _first(tree: DataFrame, ids: list[str]) -> str:
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


def _facts(row: "Series[Any]") -> None:
    """The row's short facts, side by side."""
    memory = row["memory_delta"]
    known = {
        "Kind": row["kind"],
        "Data": row["data"],
        "Data type": row["data_type"],
        "Status": row["status"],
        "Process": row["process"],
        "Process group": row["process_group"],
        "Began": frame.moment(int(row["timestamp"])),
        "Duration": frame.duration(float(row["duration_ms"])) if notna(row["duration_ms"]) else "",
        "Memory": frame.size(int(memory)) if notna(memory) else "",
        "Span": row["span_id"],
    }
    st.html(frame.facts({name: plain(value, 400) or frame.NOT_MEASURED for name, value in known.items()}))
    if row["kind"] == "call":
        function = row["function"] or row["data"]
        links.to("code_inspector", label="Open in the Code Inspector", f_fn=function)


def _text(title: str, text: object) -> None:
    """A whole text in a box of its own; a very long one is cut, and says so."""
    if not isinstance(text, str) or not text:
        return
    st.markdown(f"**{title}**")
    st.code(
        text[:LONGEST],
        language=None,
        wrap_lines=True,
        height=min(360, 60 + 22 * text[:LONGEST].count("\n") + len(text[:LONGEST]) // 6),
    )
    if len(text) > LONGEST:
        st.caption(f"{frame.count(LONGEST)} of {frame.count(len(text))} characters are shown.")


def _values(values: DataFrame) -> None:
    if values.empty:
        return
    st.markdown("**Values recorded by this call**")
    shown = values[["Data", "Data Type", "Data Value", "start_offset_ms"]]
    st.dataframe(
        shown.rename(columns={"start_offset_ms": "After the start (ms)"}).map(
            lambda cell: plain(cell, 500) if isinstance(cell, str) else cell
        ),
        hide_index=True,
    )


def _attributes(text: object) -> None:
    """The attributes, events and links that came with the row, as names and values."""
    if not isinstance(text, str) or not text:
        return
    try:
        parts = json.loads(text)
    except ValueError:
        parts = {"attributes": {"(not JSON)": text}}
    flat = [
        {"Part": part, "Name": plain(name, 200), "Value": plain(_worded(value), 2_000)}
        for part, content in (parts.items() if isinstance(parts, dict) else [])
        for name, value in _named(content)
    ]
    if flat:
        st.markdown("**Attributes**")
        st.dataframe(flat, hide_index=True)


def _named(content: object) -> list[tuple[str, object]]:
    if isinstance(content, dict):
        return [(str(name), value) for name, value in content.items()]
    if isinstance(content, list):
        return [(str(place), value) for place, value in enumerate(content, 1)]
    return [("", content)]


def _worded(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
