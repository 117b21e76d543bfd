"""Process groups: their shares of the rows as a pie, and a table with their health."""

from dataclasses import replace
from functools import partial
from typing import Final
from urllib.parse import quote

import streamlit as st
from pandas import DataFrame, concat

from obs_core import charts, theme
from obs_core.query.questions import overview
from obs_core.ui.kit import formatting, table
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import chart_view, controls, rule_suggestions
from obs_core.ui.shell.answers import ask, derived
from obs_core.ui.shell.scope import PageScope

SLICES: Final = 9
OTHERS: Final = "others"
FEW: Final = 4
"""So many groups leave room for the pie below their table: the card is then as high as the ten errors next to it."""
PIE_HEIGHT: Final = 180
_SVG: Final = "<svg xmlns='http://www.w3.org/2000/svg' width='14' height='14'>{}</svg>"


def groups_card(groups: DataFrame, group: str | None) -> None:
    """Draw the pie and the table of `overview.groups`, with `group` selected; a click selects another group."""
    names, parts, shown = derived(_shown, groups, dark=st.context.theme.type == "dark")
    if len(parts) < 2:  # noqa: PLR2004 - a ring of one segment says nothing
        selected, clicked = {}, _table(shown, names, key=f"o_groups {group}")
    elif len(parts) <= FEW:
        clicked = _table(shown, names, key=f"o_groups {group}")
        pie = partial(charts.shares, height=PIE_HEIGHT)
        selected = chart_view.show(pie, parts, key=f"o_pie {group}", selects=True)
    else:
        left, right = st.columns([1, 3], gap="medium")
        with left:
            selected = chart_view.show(charts.shares, parts, key=f"o_pie {group}", selects=True)
        with right:
            clicked = _table(shown, names, key=f"o_groups {group}")
    segment = [str(mark["group"]) for mark in selected.get("group", []) if mark.get("group") != OTHERS]
    name = segment[0] if segment else None if clicked is None else clicked[0]
    if name and name != group:  # the keys change with the group: the next run must not see this click again
        controls.set_controls(group=name)


def group_suggestions(scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    """Suggest a rule on the error rate of each of the largest groups."""
    return derived(_rules, ask(overview.groups, scope), scope=scope)


def _rules(groups: DataFrame, *, scope: PageScope) -> list[rule_suggestions.RuleSuggestion]:
    largest = groups.head(rule_suggestions.MOST)  # they are ordered by rows
    return [
        rule_suggestions.error_rate(
            replace(scope, group=str(row["process_group"])), formatting.number(row["error_rate"])
        )
        for row in largest.to_dict("records")
        if row["calls"] and row["process_group"]
    ]


def slices(groups: DataFrame, colours: dict[str, str], *, dark: bool) -> DataFrame:
    """Return the rows of the largest groups, and of the others together (columns group, rows, colour)."""
    largest = groups.nlargest(SLICES, "rows", keep="first")
    shown = DataFrame(
        {"group": largest["name"], "rows": largest["rows"], "colour": [colours[name] for name in largest["name"]]}
    )
    rest = int(groups["rows"].sum() - shown["rows"].sum())
    if rest:
        others = DataFrame({"group": [OTHERS], "rows": [rest], "colour": [theme.ROLES["muted"][dark]]})
        shown = concat([shown, others])
    return shown.reset_index(drop=True)


def _shown(groups: DataFrame, *, dark: bool) -> tuple[list[str], DataFrame, DataFrame]:
    """The names of the groups, the data of the pie, and the table."""
    named = groups.assign(name=groups["process_group"].fillna(""))
    colours = {name: pair[dark] for name, pair in theme.group_colours(named["name"]).items()}
    shown = DataFrame(
        {
            "": [_dot(colours[name]) for name in named["name"]],
            "Group": [plain(name, 200) or "(none)" for name in named["name"]],
            "Calls": named["calls"],
            "Calls/s": table.rounded(named["calls_per_s"]),
            "Error rate": named["error_rate"],
            "P95 (ms)": table.rounded(named["p95_ms"]),
            "Impact (s)": table.rounded(named["impact_ms"] / 1e3),
            "Rows": named["rows"],
        }
    )
    return [str(name) for name in named["name"]], slices(named, colours, dark=dark), shown


def _table(shown: DataFrame, names: list[str], *, key: str) -> table.RowId | None:
    most = derived(_largest_impact, shown)
    columns = {
        "": st.column_config.ImageColumn(width=28),
        "Group": st.column_config.TextColumn(width=120),
        "Rows": st.column_config.NumberColumn(format="localized"),
        "Calls": st.column_config.NumberColumn(format="localized"),
        "Calls/s": st.column_config.NumberColumn(format="localized"),
        "Error rate": st.column_config.NumberColumn(format="percent"),
        "P95 (ms)": st.column_config.NumberColumn(format="localized"),
        "Impact (s)": st.column_config.ProgressColumn(
            format="localized", width=110, max_value=most or 1.0, help="Calls times mean duration: where the time goes."
        ),
    }
    narrow = {"Group": 120, "Calls": 64, "Error rate": 76, "P95 (ms)": 70}
    return table.clickable(shown, [(name,) for name in names], key=key, columns=columns, narrow=narrow, most=9)


def _largest_impact(shown: DataFrame) -> float:
    return float(shown["Impact (s)"].max()) if shown["Impact (s)"].notna().any() else 1.0


def _dot(colour: str) -> str:
    """A coloured dot as an image in a cell."""
    circle = f"<circle cx='7' cy='7' r='5' fill='{colour}'/>"
    return f"data:image/svg+xml,{quote(_SVG.format(circle))}"
