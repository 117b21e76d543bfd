"""The slowest functions of the window, and those that changed most against the window before it."""

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
    """Draw the functions of `functions.changes`; a click on one opens the Code Inspector."""
    order = st.segmented_control(
        "Order", ORDERS, default=ORDERS[0], required=True, key="o_by", bind="query-params", label_visibility="collapsed"
    )
    chosen, shown = derived(_shown, changes, changed=order == ORDERS[1])
    if chosen.empty:
        st.caption("No function changed by more than noise." if order == ORDERS[1] else "No call was timed.")
        return
    localized = st.column_config.NumberColumn(format="localized")
    columns = dict.fromkeys(("Calls", "Errors", "P95 (ms)", "P95 before (ms)", "Total (s)"), localized)
    place = tables.clickable(shown, key=f"o_functions {order}", columns=columns | {"Function": 270}, most=SHOWN)
    if place is not None:
        navigation.go_to("code_inspector", f_fn=str(chosen["function"].iloc[place]))


def function_suggestions(scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    """For each of the slowest functions, a rule on how long it takes."""
    found, _ = derived(_shown, ask(functions.changes, scope), changed=False)
    return [
        suggestion
        for row in found.head(rule_suggestions.MOST).to_dict("records")
        for suggestion in rule_suggestions.latency(
            scope, formatting.number(row["p95_ms"]), function=str(row["function"])
        )
    ]


def _shown(changes: DataFrame, *, changed: bool) -> tuple[DataFrame, DataFrame]:
    """The functions in their order, and the table of them."""
    chosen = ordered(changes, changed=changed)
    shown = DataFrame(
        {
            "Function": [plain(name, 200) for name in chosen["function"]],
            "Group": [plain(name, 100) for name in chosen["process_group"]],
            "Calls": chosen["calls"],
            "Errors": chosen["errors"],
            "P95 (ms)": tables.rounded(chosen["p95_ms"]),
            "P95 before (ms)": tables.rounded(chosen["p95_before_ms"]),
            "Change": [change(row) for row in chosen.to_dict("records")],
            "Total (s)": tables.rounded(chosen["total_ms"] / 1e3),
        }
    )
    return chosen, shown


def ordered(changes: DataFrame, *, changed: bool) -> DataFrame:
    """The functions with the highest P95; if `changed`, those that changed by more than noise, most changed first."""
    timed = changes.dropna(subset=["p95_ms"])
    if not changed:
        return timed.nlargest(SHOWN, "p95_ms", keep="first").reset_index(drop=True)
    notable = timed[timed["notable"]]
    far = notable["change"].map(lambda factor: max(factor, 1 / factor) if factor else float("inf"))
    return notable.loc[far.sort_values(ascending=False, kind="stable").index].head(SHOWN).reset_index(drop=True)


def change(row: dict[Any, Any]) -> str:
    """The change of the P95 in percent, with a mark and a word where it is more than noise."""
    factor = row["change"]
    if factor != factor:  # noqa: PLR0124 - NaN: nothing to compare with
        return ""
    percent = f"{(factor - 1) * 100:+,.0f} %"
    if not row["notable"]:
        return percent
    return f"▲ {percent} slower" if factor > 1 else f"▼ {percent} faster"
