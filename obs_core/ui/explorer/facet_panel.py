"""The facets of the matching rows: for each field that can be filtered by value, its values with their counts."""

from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.query.filters.row_filter import FIELDS, STATUSES, RowFilter
from obs_core.query.questions.facets import FACETS, NEWEST, facets
from obs_core.ui.explorer.filter_bar import narrow
from obs_core.ui.kit import formatting
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import controls
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

VALUES: Final = 8


def facet_panel(scope: PageScope, row_filter: RowFilter) -> None:
    """Draw the facets; a click on a value filters by it, a second click removes that filter."""
    counts = ask(facets, scope, row_filter=row_filter, values=VALUES)
    with st.container(key="t_facet_panel"):
        columns = st.columns(len(FACETS))
    for column, name in zip(columns, FACETS, strict=True):
        is_group = name == "group"
        selected = scope.group if is_group else getattr(row_filter, name)
        with column.container(gap=None):
            st.caption(f"**{'Group' if is_group else FIELDS[name].label}**")
            timed_out = name in counts.attrs["timed_out"]
            _values(name, counts[counts["facet"] == name], selected, timed_out=timed_out)
    if counts.attrs["newest"]:
        st.caption(f"Counted in the newest {formatting.count(NEWEST)} matching rows.")


def _values(name: str, values: DataFrame, selected: str | None, *, timed_out: bool) -> None:
    """One facet's values as buttons."""
    if timed_out:
        st.caption("Counting timed out (1 s). Choose a shorter window.")
        return
    if values.empty:
        st.caption(formatting.NOT_MEASURED)
    for value, rows in zip(values["value"], values["rows"], strict=True):
        new_value = None if value == selected else value
        pressed = st.button(
            f"{formatting.count(rows)} · {formatting.escape_markdown(plain(_short(name, value), 60))}",
            key=f"t_facet_{name}_{value}",
            type="tertiary" if new_value else "primary",
            disabled=name == "status"
            and value not in STATUSES,  # another program's status: its control has no such choice
            on_click=None if name == "group" else narrow,
            args=(name, new_value),
            help=formatting.escape_markdown(plain(value, 300)),
            width="stretch",
        )
        if pressed and name == "group":
            controls.set_controls(group=new_value)


def _short(name: str, value: str) -> str:
    """The last two parts of a function's name; they say more than its package."""
    return ".".join(value.rsplit(".", 2)[-2:]) if name == "function" and " " not in value else value
