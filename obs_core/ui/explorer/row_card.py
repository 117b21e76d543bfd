"""The card of one row of the log: all its fields, its values and its attributes."""

from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

import streamlit as st
from pandas import DataFrame, Series, notna

from obs_core.clock import DAY, Window
from obs_core.query.analysis import attributes
from obs_core.query.engine import long_cells
from obs_core.query.questions import inspector, traces
from obs_core.ui.kit import formatting, navigation
from obs_core.ui.kit.base_path import base_path
from obs_core.ui.kit.text import counted, plain
from obs_core.ui.series.series_card import series_card
from obs_core.ui.shell import layout, rule_suggestions
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.panel import boundary, suggest_rules
from obs_core.ui.shell.scope import PageScope

THRESHOLD: Final = 5
"""Readings in a row that may be equal before a value is stale, where no rule sets another number."""

LINES: Final = 16
TALLEST: Final = 360
"""Pixels of the box of a text of more than `LINES` lines, which scrolls."""

LONGEST: Final = 100_000
"""Characters of one text that the page shows; a browser takes a second for each million."""

CELL: Final = 500
"""Characters of a value in a table; the first `BOXES` longer ones are shown in full below it."""

BOXES: Final = 10


def row_card(scope: PageScope, row_id: int, tree: DataFrame | None = None) -> None:
    """Everything in the log about one row; with its trace's `tree`, also the values that it recorded."""
    rows = ask(traces.row, scope, id=row_id)
    if rows.empty:
        st.info("This row is no longer in the log.")
        return
    row = rows.iloc[0]
    _details(scope, row)
    name = "exception_stack" if row["exception_stack"] else "exception"
    text_box("Exception", row[name])
    _whole(row_id, name, row[name])
    text_box("Value", row["data_value"])
    _whole(row_id, "data_value", row["data_value"])
    if row["kind"] == "value":
        st.markdown("**Readings of this variable in the window**")
        with boundary("Readings"):
            series_card(scope, row["process"], row["data"], {"threshold": THRESHOLD}, listed=True)
    if tree is not None and isinstance(row["span_id"], str):
        _values(tree[(tree["parent_span_id"] == row["span_id"]) & (tree["kind"] != "call")])
    _attributes(row["attributes"])
    _whole(row_id, "attributes", row["attributes"])


def _details(scope: PageScope, row: "Series[Any]") -> None:
    """The row's short fields, side by side."""
    memory = row["memory_delta"]
    details = {
        "Kind": row["kind"],
        "Data": row["data"],
        "Data type": row["data_type"],
        "Status": row["status"],
        "Process": row["process"],
        "Process group": row["process_group"],
        "Start": formatting.format_time(int(row["timestamp"])),
    }
    if row["kind"] == "call":
        details |= {
            "Duration": formatting.duration(float(row["duration_ms"])) if notna(row["duration_ms"]) else "",
            "Rank in 24 h": _rank(scope, row),
            "Memory": formatting.size(int(memory)) if notna(memory) else "",
            "Span": row["span_id"],
        }
    st.html(layout.detail_list({name: plain(value, 400) or formatting.NOT_MEASURED for name, value in details.items()}))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if row["kind"] == "call":
            navigation.page_link(
                "code_inspector",
                label="Open in the Code Inspector",
                icon=navigation.ICONS["code_inspector"],
                f_fn=row["function"] or row["data"],
            )
        suggest_rules("Rules", lambda: row_suggestions(scope, row))


def row_suggestions(scope: PageScope, row: "Series[Any]") -> list[rule_suggestions.RuleSuggestion]:
    """Rules for a row: on its variable; or on its function's latency, error rate and new exceptions."""
    if row["kind"] == "value":
        reading = row["data_value"] if isinstance(row["data_value"], str) else None
        return rule_suggestions.of_value(str(row["process"]), str(row["data"]), reading)
    if row["kind"] != "call":
        return []
    own_scope, function = replace(scope, group=row["process_group"] or None), str(row["function"] or row["data"])
    duration_ms = formatting.number(row["duration_ms"])
    return [
        *rule_suggestions.latency(own_scope, duration_ms, function=function),
        rule_suggestions.error_rate(own_scope, None, function=function),
        rule_suggestions.new_exception(own_scope, function=function),
    ]


def _rank(scope: PageScope, row: "Series[Any]") -> str:
    """The percentile rank of the call among its function's calls in the 24 hours up to it."""
    if row["kind"] != "call" or not notna(row["duration_ns"]):
        return ""
    start_ns = int(row["timestamp"])
    day = replace(scope, window=Window(start_ns - DAY, start_ns + 1), group=row["process_group"] or None)
    function = row["function"] or row["data"]
    rank = ask(inspector.rank, day, function=function, duration_ns=int(row["duration_ns"])).iloc[0]
    calls, faster = int(rank["calls"]), int(rank["faster"])
    if calls <= 1:
        return "only call"
    return f"P{100 * faster // calls}, slower than {formatting.count(faster)} of {counted(calls, 'call')}"


def text_box(title: str, text: object) -> None:
    """A text in full, in a box; a very long one is cut, with a note."""
    if not isinstance(text, str) or not text:
        return
    st.markdown(f"**{title}**")
    shown = text[:LONGEST]
    is_long = shown.count("\n") > LINES or len(shown) > 100 * LINES
    st.code(shown, language=None, wrap_lines=True, height=TALLEST if is_long else "content")
    if len(text) > LONGEST:
        st.caption(f"{formatting.count(LONGEST)} of {formatting.count(len(text))} characters are shown.")


def _whole(row_id: int, name: str, text: object) -> None:
    """A link to the whole of a text that is not shown in full, with its size."""
    size = long_cells.full_size(text)
    if size is None and isinstance(text, str) and len(text) > LONGEST:
        size = len(text.encode("utf-8", "replace"))
    if size is not None:
        link = f"{base_path()}/export/cell?{urlencode({'id': row_id, 'column': name})}"
        st.link_button(f"Download all of it ({formatting.size(size)})", link, icon=":material/download:")


def _values(values: DataFrame) -> None:
    if values.empty:
        return
    st.markdown("**Values recorded by this call**")
    shown = values[["Data", "Data Type", "Data Value", "start_offset_ms"]]
    st.dataframe(
        shown.rename(columns={"start_offset_ms": "After the start (ms)"}).map(
            lambda cell: plain(cell, CELL) if isinstance(cell, str) else cell
        ),
        hide_index=True,
        placeholder=formatting.NOT_MEASURED,
    )


def _attributes(text: object) -> None:
    """The row's attributes, events and links as names and values; long values also in full."""
    flat = [
        (part, name, attributes.as_text(value))
        for part, content in attributes.parts(text).items()
        for name, value in attributes.items(content)
    ]
    if not flat:
        return
    st.markdown("**Attributes**")
    cells = [(plain(part, 200), plain(name, 200), plain(value, CELL)) for part, name, value in flat]
    st.dataframe(DataFrame(cells, columns=["Part", "Name", "Value"]), hide_index=True)
    long = [(name, value) for _, name, value in flat if len(value) > CELL]
    for name, value in long[:BOXES]:
        text_box(formatting.escape_markdown(plain(name, 200)), value)
    if len(long) > BOXES:
        st.caption(
            f"{formatting.count(len(long) - BOXES)} more long values are cut in the table; an export has them in full."
        )
