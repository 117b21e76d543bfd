"""Tables with clickable rows."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import streamlit as st
from pandas import DataFrame, Series

ROW_HEIGHT: Final = 30


def rounded(numbers: "Series[float]") -> "Series[float]":
    """Round `numbers` to three significant digits, so that a column of them is easy to read."""
    digits = np.minimum(2 - np.floor(np.log10(numbers.abs().where(numbers != 0, 1.0))), 9)
    scale = np.power(10.0, digits)
    return Series(np.round(numbers * scale) / scale, index=numbers.index)


def clickable(shown: DataFrame, *, key: str, columns: Mapping[str, Any] | None = None, most: int = 10) -> int | None:
    """Draw `shown`; return the index of the row that was just clicked, in any of its cells, or None.

    `columns` holds Streamlit's column settings or widths in pixels; with more than `most` rows the table scrolls.
    """
    wide = {
        name: st.column_config.Column(width=setting) if isinstance(setting, int) else setting
        for name, setting in (columns or {}).items()
    }
    event: Any = st.dataframe(
        shown,
        key=key,
        hide_index=True,
        column_config=wide,
        row_height=ROW_HEIGHT,
        placeholder="\N{EN DASH}",
        height="content" if len(shown) <= most else ROW_HEIGHT * (most + 1) + ROW_HEIGHT // 2,
        on_select="rerun",
        selection_mode="single-cell",
    )
    cells = event["selection"].get("cells") or []
    row_index = int(cells[0][0]) if cells else None
    return row_index if row_index is not None and row_index < len(shown) else None


def newly_selected(key: str, row_index: int | None) -> int | None:
    """Return `row_index` of the table `key` if it is a new selection, else None.

    A selection survives refreshes while rows change: without this check, another row would become selected.
    """
    before = st.session_state.get(f"_{key}_clicked")
    st.session_state[f"_{key}_clicked"] = row_index
    return row_index if row_index != before else None
