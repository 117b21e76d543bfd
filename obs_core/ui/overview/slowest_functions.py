"""The slowest functions of the window, and those that changed most against the window before."""

from typing import Any, Final

import streamlit as st
from pandas import DataFrame

from obs_core.query.questions import functions
from obs_core.ui.kit import formatting, navigation
from obs_core.ui.kit import table as tables
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import rule_suggestions
from obs_core.ui.shell.answers import ask, derived
from obs_core.ui.shell.scope import PageScope

SHOWN: Final = 12
ORDERS: Final = ("Slowest", "Most changed")


def slowest(changes: DataFrame) -> None:
    """Draw the functions of `functions.changes`; a click opens the Code Inspector."""
    order = st.segmented_control(
        "Order", ORDERS, default=ORDERS[0], required=True, key="o_by", bind="query-params", label_visibility="collapsed"
    )
    listed, shown = derived(_shown, changes, changed=order == ORDERS[1])
    if listed.empty:
        st.caption("No significant changes." if order == ORDERS[1] else "No timed calls.")
        return
    localized = st.column_config.NumberColumn(format="localized")
    columns = dict.fromkeys(("Calls", "Errors", "P95 (ms)", "P95 before (ms)", "Total (s)"), localized)
    ids = derived(_ids, changes, changed=order == ORDERS[1])
    clicked = tables.clickable(
        shown,
        ids,
        key=f"o_functions {order}",
        columns=columns | {"Function": 270},
        narrow={"Function": 170, "P95 (ms)": 66, "Change": 94},
        most=SHOWN,
    )
    if clicked is not None:
        navigation.go_to("code_inspector", f_fn=clicked[0])


def function_suggestions(scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    """Suggest a rule on the latency of each of the slowest functions."""
    listed, _ = derived(_shown, ask(functions.changes, scope), changed=False)
    return derived(_rules, listed, scope=scope)


def _rules(listed: DataFrame, *, scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    return [
        suggestion
        for row in listed.head(rule_suggestions.MOST).to_dict("records")
        for suggestion in rule_suggestions.latency(
            scope, formatting.number(row["p95_ms"]), function=str(row["function"])
        )
    ]


def _ids(changes: DataFrame, *, changed: bool) -> list[tables.RowId]:
    return tables.ids_of(ordered(changes, changed=changed), "function", "process_group")


def _shown(changes: DataFrame, *, changed: bool) -> tuple[DataFrame, DataFrame]:
    """The functions in their order, and the table of them."""
    listed = ordered(changes, changed=changed)
    shown = DataFrame(
        {
            "Function": [plain(name, 200) for name in listed["function"]],
            "Group": [plain(name, 100) for name in listed["process_group"]],
            "Calls": listed["calls"],
            "Errors": listed["errors"],
            "P95 (ms)": tables.rounded(listed["p95_ms"]),
            "P95 before (ms)": tables.rounded(listed["p95_before_ms"]),
            "Change": [change(row) for row in listed.to_dict("records")],
            "Total (s)": tables.rounded(listed["total_ms"] / 1e3),
        }
    )
    return listed, shown


def ordered(changes: DataFrame, *, changed: bool) -> DataFrame:
    """Return the functions with the highest P95; if `changed`, those with a significant change, largest first."""
    timed = changes.dropna(subset=["p95_ms"])
    if not changed:
        return timed.nlargest(SHOWN, "p95_ms", keep="first").reset_index(drop=True)
    notable = timed[timed["notable"]]
    far = notable["change"].map(lambda factor: max(factor, 1 / factor) if factor else float("inf"))
    return notable.loc[far.sort_values(ascending=False, kind="stable").index].head(SHOWN).reset_index(drop=True)


def change(row: dict[Any, Any]) -> str:
    """Return the change of the P95, with a mark and a word if it is significant."""
    factor = row["change"]
    if factor != factor:  # noqa: PLR0124 - NaN: nothing to compare
        return ""
    text = formatting.change(factor)
    if not row["notable"]:
        return text
    return f"▲ {text} slower" if factor > 1 else f"▼ {text} faster"
