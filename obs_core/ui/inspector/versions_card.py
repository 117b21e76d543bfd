"""The versions of a function: two of them as a diff with their percentiles."""

from dataclasses import replace
from typing import Any, Final

import streamlit as st
from pandas import DataFrame, isna

from obs_core.query.questions import versions
from obs_core.source_code import diff, highlight
from obs_core.ui.inspector.performance_card import LATENCY, RULE, SMALLEST, Measure, table
from obs_core.ui.kit import formatting
from obs_core.ui.kit.table import rounded
from obs_core.ui.kit.text import counted, plain
from obs_core.ui.shell.answers import ask, log_extent
from obs_core.ui.shell.panel import panel
from obs_core.ui.shell.rule_suggestions import Suggestions
from obs_core.ui.shell.scope import PageScope
from obs_core.ui.shell.source_card import name, pick_version

_MEASURES: Final = (
    Measure("Calls", "calls", formatting.count),
    Measure("Errors", "errors", formatting.count),
    *LATENCY[1:],
)


def versions_card(scope: PageScope, function: str, ran: DataFrame, suggestions: Suggestions | None = None) -> None:
    """Draw the versions in `ran` (the answer of `versions.list_`), if there are several."""
    if len(ran) < 2:  # noqa: PLR2004 - two versions are compared
        return
    with panel("Versions", "effect of a change on the durations", suggestions=suggestions):
        measured, where = _measured(scope, ran)
        known = ran if measured is scope else ask(versions.list_, measured, function=function)
        newer, older = _pair(known)
        if newer["source_hash"] == older["source_hash"]:
            st.caption("Select two different versions.")
        else:
            pair = ask(
                versions.compare,
                measured,
                function=function,
                older=older["source_hash"],
                newer=newer["source_hash"],
            )
            _compared(pair, older, newer, where)
        with st.expander(f"All {len(known)} versions"):
            st.dataframe(listed(known), hide_index=True, row_height=30)


def listed(ran: DataFrame) -> DataFrame:
    """Return the versions as a table."""
    return DataFrame(
        {
            "Version": [f"v{number}" for number in ran["version"]],
            "Revision": [plain(revision, 40) for revision in ran["revision"]],
            "First seen": [formatting.format_time(int(time_ns)) for time_ns in ran["first_seen"]],
            "Last seen": ["" if isna(time_ns) else formatting.format_time(int(time_ns)) for time_ns in ran["last_ns"]],
            "Calls": ran["calls"],
            "Errors": ran["errors"],
            "P50 (ms)": rounded(ran["p50_ms"]),
            "P95 (ms)": rounded(ran["p95_ms"]),
            "P99 (ms)": rounded(ran["p99_ms"]),
            "Source hash": [str(digest)[:12] for digest in ran["source_hash"]],
        }
    )


def verdict(pair: DataFrame) -> str:
    """Return the effect of the newer version on the P95 in Markdown; `pair` is the answer of `versions.compare`."""
    sides = {int(row["version"]): row for row in pair.to_dict("records")}
    old, new = (formatting.number(sides.get(side, {}).get("p95_ms")) for side in (0, 1))
    if old is None or new is None:
        return "One version has no timed calls, so their durations can't be compared."
    if not old or not new:
        return f"P95 {formatting.duration(old)} → {formatting.duration(new)}."
    ratio = new / old
    factor = f"{ratio:.3g} times as slow" if ratio >= 1 else f"{1 / ratio:.3g} times as fast"
    values = f"P95 {formatting.duration(old)} → {formatting.duration(new)}"
    if not sides[1]["p95_notable"] or abs(ratio - 1) < SMALLEST:
        return f"**No significant change:** {values}, not significant or below {SMALLEST:.0%}."
    colour, mark = ("red", "▲") if ratio > 1 else ("green", "▼")
    return f":{colour}[**{mark} This change made P95 {factor}:**] {values}, statistically significant."


def _measured(scope: PageScope, ran: DataFrame) -> tuple[PageScope, str]:
    """The scope of the comparison: the window if two versions ran in it, else the whole log."""
    extent = log_extent()
    if (ran["calls"] > 0).sum() > 1 or extent is None:
        return scope, "Measured in this window."
    return replace(scope, window=extent), "Measured over the whole log: fewer than two versions ran in this window."


def _pair(known: DataFrame) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """The newer and the older version to compare: the selected ones, else the newest two that ran."""
    rows = known.to_dict("records")
    names = [name(row) for row in rows]
    last = sorted(range(len(rows)), key=lambda index: (not rows[index]["calls"], index))[:2]
    with st.container(horizontal=True, gap="small"):
        function = str(known["function"].iloc[0])
        older = pick_version("From version", names, max(last), "f_older", function)
        newer = pick_version("To version", names, min(last), "f_newer", function)
    return rows[newer], rows[older]


def _compared(pair: DataFrame, older: dict[Any, Any], newer: dict[Any, Any], where: str) -> None:
    sides: dict[int, dict[Any, Any]] = {int(row["version"]): row for row in pair.to_dict("records")}
    st.markdown(verdict(pair))
    left, right = st.columns([3, 2], gap="small")
    with right:
        heads = (f"v{newer['version']}", f"v{older['version']}")
        st.html(table(sides.get(1, {}), sides.get(0, {}), _MEASURES, heads))
        st.caption(f"{where} {RULE}")
    with left:
        _diff(older, newer)


def _diff(older: dict[Any, Any], newer: dict[Any, Any]) -> None:
    texts = [side["source"] if isinstance(side["source"], str) else None for side in (older, newer)]
    if texts[0] is None or texts[1] is None:
        st.caption("No diff: the source of one version was not recorded.")
        return
    lines = [int(side["line"] or 1) for side in (older, newer)]
    changes = diff.diff(texts[0], texts[1], older_line=lines[0], newer_line=lines[1])
    st.html(f"<style>{highlight.stylesheet()}</style>{changes.html}")
    left_out = (
        f" {formatting.count(changes.left_out)} more lines of the diff are not shown." if changes.left_out else ""
    )
    st.caption(f"{counted(changes.added, 'line')} added, {formatting.count(changes.removed)} removed.{left_out}")
