"""What the rows that fit have in common: for each way to narrow them further, its values with their counts."""

from typing import Final

import streamlit as st
from pandas import DataFrame

from obs_core.query.questions.facets import FACETS, NEWEST, facets
from obs_core.ui.explorer.filter_bar import narrow
from obs_core.ui.explorer.filter_link import STATUSES, Filter
from obs_core.ui.kit import formatting
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import controls
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

VALUES: Final = 8
TITLES: Final = {
    "group": "Group",
    "process": "Process",
    "function": "Function",
    "status": "Status",
    "exception_type": "Exception type",
    "data_type": "Data type",
}


def facet_panel(scope: PageScope, wanted: Filter) -> None:
    """Draw the facets; a click on a value narrows the rows to it, another one lets all of them in again."""
    found = ask(facets, scope, values=VALUES, **wanted.parameters)
    held = wanted.parameters | {"group": scope.group}
    with st.container(key="t_facet_panel"):
        columns = st.columns(len(FACETS))
    for column, name in zip(columns, FACETS, strict=True):
        with column.container(gap=None):
            st.caption(f"**{TITLES[name]}**")
            _values(name, found[found["facet"] == name], held[name], timed_out=name in found.attrs["timed_out"])
    if found.attrs["newest"]:
        st.caption(f"Counted among the newest {formatting.count(NEWEST)} rows that fit.")


def _values(name: str, values: DataFrame, held: str | None, *, timed_out: bool) -> None:
    """One facet's values as buttons."""
    if timed_out:
        st.caption("Not counted: it took longer than a second. Choose a shorter window.")
        return
    if values.empty:
        st.caption(formatting.NOT_MEASURED)
    for value, rows in zip(values["value"], values["rows"], strict=True):
        next_one = None if value == held else value
        pressed = st.button(
            f"{formatting.count(rows)} · {formatting.escape_markdown(plain(_short(name, value), 60))}",
            key=f"t_facet_{name}_{value}",
            type="tertiary" if next_one else "primary",
            disabled=name == "status"
            and value not in STATUSES,  # another program's word: the control has no such choice
            on_click=None if name == "group" else narrow,
            args=(name, next_one),
            help=formatting.escape_markdown(plain(value, 300)),
            width="stretch",
        )
        if pressed and name == "group":
            controls.set_controls(group=next_one)


def _short(name: str, value: str) -> str:
    """A function's last two words; they tell more than its package does."""
    return ".".join(value.rsplit(".", 2)[-2:]) if name == "function" and " " not in value else value
