"""The columns that a user adds to the canonical ones: group, function, memory, or any attribute."""

import re
from typing import Any, Final

import streamlit as st
from pandas import notna

from obs_core.ui.explorer import suggestions
from obs_core.ui.kit import formatting
from obs_core.ui.kit.text import plain
from obs_core.ui.shell.scope import PageScope

OFFERED: Final = ("Group", "Function", "Memory", "Kind", "Span")
MOST: Final = 12
_OF: Final = {"Group": "process_group", "Function": "function", "Kind": "kind", "Span": "span_id"}
_HARMLESS: Final = re.compile(r"[^\w .\-/@]+")
CELL: Final = 300


def pinned(scope: PageScope) -> tuple[str, ...]:
    """Draw the control; return the pinned columns: of `OFFERED`, or names of attributes.

    While the menu is open, it offers the most frequent attributes of the window.
    """
    menu = st.popover("Columns", icon=":material/view_column:", key="t_columns", on_change="rerun")
    with menu:
        current = [str(name) for name in st.session_state.get("t_cols") or st.query_params.get_all("t_cols")]
        offered = suggestions.attribute_names(scope) if menu.open else []
        columns = st.multiselect(
            "Further columns",
            list(dict.fromkeys((*OFFERED, *current, *offered))),
            key="t_cols",
            bind="query-params",
            accept_new_options=True,
            max_selections=MOST,
            placeholder="Group, function, or an attribute",
            help="Type the name of an attribute, such as http.status_code.",
        )
    return tuple(dict.fromkeys(columns))


def attributes(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `columns` that are attributes."""
    return tuple(name for name in columns if name not in OFFERED)


def header(name: str) -> str:
    """The column's title. A link may have any name, and the grid runs code in titles: only safe characters stay."""
    return _HARMLESS.sub("·", plain(name, 60))


def cells(record: dict[str, Any], columns: tuple[str, ...]) -> dict[str, str]:
    """The row's cells in `columns`, by their fields in the grid."""
    return {f"pinned_{number}": _cell(record, name) for number, name in enumerate(columns)}


def fields(columns: tuple[str, ...]) -> dict[str, str]:
    """The pinned columns' fields in the grid, with their titles."""
    return {f"pinned_{number}": header(name) for number, name in enumerate(columns)}


def _cell(record: dict[str, Any], name: str) -> str:
    if name == "Memory":
        memory = record.get("memory_delta")
        return formatting.size(float(memory)) if memory is not None and notna(memory) else ""
    return plain(record.get(_OF.get(name, f"attributes.{name}")), CELL)
