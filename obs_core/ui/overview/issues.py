"""Issues: the exceptions of the window by what raised them, and the one that is selected."""

from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core.errors import ObsError
from obs_core.query.questions import overview
from obs_core.ui.kit import formatting, navigation, table
from obs_core.ui.kit.text import counted, plain
from obs_core.ui.overview import mutes
from obs_core.ui.shell.answers import ask, derived, log_extent
from obs_core.ui.shell.scope import PageScope

WIDEST: Final = 300  # characters of a title in the table
LONGEST_SEARCH: Final = 100
MOST: Final = 8
"""Rows before the table scrolls."""

_NARROW: Final = {"Issue": 180, "Count": 54, "Last": 94}
_NO_TEXT: Final = "(no message)"
_SELECTED: Final = "_obs_issue"


def issues(exceptions: DataFrame, scope: PageScope, *, date: bool) -> None:
    """Draw `overview.exceptions`, most frequent first; a click opens the card of an issue below the table."""
    muted = mutes.muted()
    is_muted = [issue in muted for issue in exceptions["issue"]]
    if any(is_muted):
        _muted_note(sum(is_muted))
    listed = exceptions if st.session_state.get(mutes.SHOWN) else exceptions[[not hidden for hidden in is_muted]]
    listed = listed.reset_index(drop=True)
    if listed.empty:
        st.caption("No exceptions in this window." if exceptions.empty else "All issues of this window are muted.")
        return
    shown = _table(listed, date=date) if len(listed) < len(exceptions) else derived(_whole, exceptions, date=date)
    columns = {
        "Issue": 260,
        "Raised in": 140,
        "Count": st.column_config.NumberColumn(format="localized", width=60),
        "Trend": st.column_config.LineChartColumn(width=80, y_min=0),
        "Last": 160 if date else 96,
        "First": st.column_config.Column(
            width=160 if date else 96, help="In this window; select the issue for its first time in the whole log"
        ),
        "Version": 80,
    }
    ids = table.ids_of(listed, "issue") if len(listed) < len(exceptions) else derived(_ids, exceptions)
    clicked = table.clickable(shown, ids, key="o_kinds", columns=columns, narrow=_NARROW, most=MOST)
    if clicked is not None:
        st.session_state[_SELECTED] = clicked
    selected = st.session_state.get(_SELECTED)
    if selected in ids:
        _card(listed.iloc[ids.index(selected)].to_dict(), muted, scope)
    if exceptions.attrs.get("truncated"):
        st.caption("The most frequent issues; without an archive, counts cover the newest 200,000 failed calls.")


def _muted_note(number: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="o_muted"):
        st.toggle(f"Show muted ({number})", key=mutes.SHOWN)


def _card(row: dict[Any, Any], muted: frozenset[str], scope: PageScope) -> None:
    """The selected issue: where, when and which calls, with a sample trace and mute."""
    functions = [str(name) for name in row["functions"]]
    passed = " → ".join(functions[:6]) + (" → …" if len(functions) > 6 else "")  # noqa: PLR2004 - one line
    seen = f"{_first_seen(row, scope)}, last {formatting.format_time(row['last_ns'])}"
    version = f" · version {row['version']}" if isinstance(row["version"], str) else ""
    with st.container(border=True, gap="xsmall", key="o_issue"):
        st.markdown(f"**{formatting.escape_markdown(plain(row['exception'] or row['type'], WIDEST) or _NO_TEXT)}**")
        details = f"{counted(row['calls'], 'exception')} · {seen}{version} · {plain(row['process'], 60)}"
        st.caption(formatting.escape_markdown(f"{details}. Calls it failed, innermost first: {plain(passed, 400)}"))
        with st.container(horizontal=True, gap="small"):
            if st.button("Open newest trace", icon=":material/account_tree:", key="o_issue_trace"):
                _open(row)
            if st.button("Open code", icon=":material/code:", key="o_issue_code", disabled=not functions):
                navigation.go_to("code_inspector", f_fn=functions[0])
            label, action = ("Unmute", mutes.unmute) if row["issue"] in muted else ("Mute", mutes.mute)
            st.button(
                label, icon=":material/notifications_off:", key="o_issue_mute", on_click=action, args=(row["issue"],)
            )


def _first_seen(row: dict[Any, Any], scope: PageScope) -> str:
    """When the issue was first seen in the whole log, and by which version."""
    first_ns, version, in_window = row["first_ns"], None, ""
    extent = log_extent()
    try:
        if extent is None or extent.from_ns >= scope.window.from_ns:
            return f"first {formatting.format_time(first_ns)}"
        whole_log = PageScope(extent, scope.group, live=False, from_text="first", to_text="last")
        first = ask(overview.first_seen, whole_log, issue=row["issue"])
        in_window = " in this window" if first.empty else ""
        if len(first) and int(first["first_ns"].iloc[0]) < scope.window.from_ns:
            first_ns, version = int(first["first_ns"].iloc[0]), first["version"].iloc[0]
    except ObsError:  # the rest of the card needs no more of the log
        in_window = " in this window"
    by = f" by version {plain(version, 60)}" if isinstance(version, str) else ""
    return f"first{in_window} {formatting.format_time(first_ns)}{by}"


def _open(row: dict[Any, Any]) -> None:
    trace, span = (row[name] if isinstance(row[name], str) else None for name in ("trace_id", "span_id"))
    search = str(row["type"] or row["exception"] or "")[:LONGEST_SEARCH]
    navigation.go_to("trace_explorer", t_status="ERROR", trace=trace, span=span if trace else None, t_q=search or None)


def _ids(exceptions: DataFrame) -> list[table.RowId]:
    return table.ids_of(exceptions, "issue")


def _whole(exceptions: DataFrame, *, date: bool) -> DataFrame:
    return _table(exceptions, date=date)


def _table(exceptions: DataFrame, *, date: bool) -> DataFrame:
    return DataFrame(
        {
            "Issue": [plain(text, WIDEST) or _NO_TEXT for text in exceptions["title"]],
            "Raised in": [plain(text, 200) for text in exceptions["location"]],
            "Count": exceptions["calls"],
            "Trend": exceptions["trend"],
            "Last": [formatting.format_time(int(ns), date=date) for ns in exceptions["last_ns"]],
            "First": [formatting.format_time(int(ns), date=date) for ns in exceptions["first_ns"]],
            "Version": [plain(text, 40) for text in exceptions["version"]],
        }
    )
