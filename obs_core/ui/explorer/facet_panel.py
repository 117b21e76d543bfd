"""The facets of the matching rows: for each field that can be filtered by value, its values with their counts."""

from typing import Final

import streamlit as st
from pandas import DataFrame
from streamlit.delta_generator import DeltaGenerator

from obs_core.query.filters.attribute_filter import Condition, conditions
from obs_core.query.filters.row_filter import FIELDS, STATUSES, RowFilter
from obs_core.query.questions.facets import FACETS, NEWEST, attributes, facets
from obs_core.ui.explorer.filter_bar import narrow, toggle_condition
from obs_core.ui.kit import formatting
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import controls
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.panel import boundary, retry_button
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
    with boundary("Attributes"):
        _attributes(ask(attributes, scope, row_filter=row_filter, values=VALUES), row_filter)


def _attributes(counts: DataFrame, row_filter: RowFilter) -> None:
    """The most frequent attributes with their values; a click adds a condition on one, a second click removes it."""
    names = list(dict.fromkeys(counts["name"]))
    if not names:
        return
    given = {condition.text for condition in conditions(row_filter.where)}
    with st.container(key="t_attribute_panel"):
        columns = st.columns(len(FACETS))
    for number, (column, name) in enumerate(zip(columns, names, strict=False)):
        values = counts[counts["name"] == name]
        with column.container(gap=None):
            st.caption(f"**{formatting.escape_markdown(plain(name, 60))}**")
            for row, (value, rows) in enumerate(zip(values["value"], values["rows"], strict=True)):
                text = Condition(name, "=", (value,)).text
                with _bar(f"attribute_{number}_{row}", rows / values["rows"].max()):
                    st.button(
                        f"{formatting.count(rows)} · {formatting.escape_markdown(plain(value, 60))}",
                        key=f"t_facet_where_{text}",
                        type="primary" if text in given else "tertiary",
                        on_click=toggle_condition,
                        args=(text,),
                        help=formatting.escape_markdown(plain(text, 300)),
                        width="stretch",
                    )


def _bar(key: str, share: float) -> DeltaGenerator:
    """A container with a bar under what is in it, as long as its share of the most frequent value."""
    container = st.container(key=f"t_bar_{key}", gap=None)
    container.html(f"<style>.st-key-t_bar_{key} {{ --share: {share * 100:.1f}%; }}</style>")
    return container


def _values(name: str, values: DataFrame, selected: str | None, *, timed_out: bool) -> None:
    """One facet's values as buttons."""
    if timed_out:
        st.caption("Counting timed out (1 s). Choose a shorter window.")
        retry_button(f"Facets of {name}", facets)
        return
    if values.empty:
        st.caption(formatting.NOT_MEASURED)
    for number, (value, rows) in enumerate(zip(values["value"], values["rows"], strict=True)):
        new_value = None if value == selected else value
        pressed = _bar(f"{name}_{number}", rows / values["rows"].max()).button(
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
