"""Tables with clickable rows. A row is known by its id, never by its index: rows move while the log grows."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import streamlit as st
from pandas import DataFrame, Series

from obs_core.ui.kit import tall
from obs_core.ui.kit.width import is_narrow

ROW_HEIGHT: Final = 30

_SENT: Final = "_obs_sent"
"""The attribute of a drawn table with what the browser gets."""

RowId = tuple[str, ...]
Cell = tuple[int, str]
"""The index of a row and the name of a column, as the browser reports a click."""


class _Drawn(NamedTuple):
    """What the browser shows of a table: the ids of its rows, the highlighted cell and its row."""

    ids: Sequence[RowId] = ()
    cell: Cell | None = None
    row_id: RowId | None = None


def rounded(numbers: "Series[float]") -> "Series[float]":
    """Round `numbers` to three significant digits, so that a column of them is easy to read."""
    digits = np.minimum(2 - np.floor(np.log10(numbers.abs().where(numbers != 0, 1.0))), 9)
    scale = np.power(10.0, digits)
    return Series(np.round(numbers * scale) / scale, index=numbers.index)


def ids_of(rows: DataFrame, *columns: str) -> list[RowId]:
    """Return what identifies each of `rows`: its values in `columns`."""
    return list(rows[list(columns)].astype(str).itertuples(index=False, name=None))


def clickable(
    shown: DataFrame,
    ids: Sequence[RowId],
    *,
    key: str,
    selected: Sequence[RowId] = (),
    columns: Mapping[str, Any] | None = None,
    narrow: Mapping[str, int] | None = None,
    most: int = 10,
    above: int | None = None,
) -> RowId | None:
    """Draw `shown`, with the `ids` of its rows; return the id of the row that was just clicked, or None.

    A click is on what the browser showed, which are the rows of the last run. The highlight follows its row: the one
    clicked last, or the first of `selected` if that is another one. `columns` holds Streamlit's column settings or
    widths in pixels. With more than `most` rows the table scrolls; with `above`, it is higher on a screen that has more
    than so many pixels in addition to those rows. On a narrow page the columns of `narrow` come first, with these
    widths, which together should be at most 330 pixels. Nobody may change a table that was drawn.
    """
    first: list[str] = []
    if narrow and is_narrow():
        first = [name for name in narrow if name in shown]
        columns = {**(columns or {}), **{name: _resized((columns or {}).get(name), narrow[name]) for name in first}}
    clicked = _follow(shown, ids, selected, key)
    content, lowest = ROW_HEIGHT * (len(shown) + 1) + 2, ROW_HEIGHT * (most + 1) + ROW_HEIGHT // 2
    is_tall = False
    if above is not None and len(shown) > most:
        is_tall = True
        tall.style(f".st-key-{key}_frame", content, lowest, above)
    wide = {
        name: st.column_config.Column(width=setting) if isinstance(setting, int) else setting
        for name, setting in (columns or {}).items()
    }
    with st.container(key=f"{key}_frame"):
        st.dataframe(
            _as_sent(shown, first),
            key=key,
            hide_index=True,
            column_config=wide,
            row_height=ROW_HEIGHT,
            placeholder="\N{EN DASH}",
            height="stretch" if is_tall else "content" if len(shown) <= most else lowest,
            on_select="rerun",
            selection_mode="single-cell",
        )
    return clicked


def _as_sent(shown: DataFrame, first: Sequence[str]) -> pa.Table | DataFrame:
    """`shown`, with the columns `first` in front, as the browser gets it; made once, as it takes a millisecond.

    A table with cells that Arrow can't hold is left to Streamlit.
    """
    made: dict[tuple[str, ...], pa.Table | DataFrame] = shown.__dict__.setdefault(_SENT, {})
    if (sent := made.get(tuple(first))) is None:
        sent = shown[[*first, *shown.columns.drop(first)]] if first else shown
        with suppress(pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
            sent = pa.Table.from_pandas(sent)
        made[tuple(first)] = sent
    return sent


def _resized(setting: Any, pixels: int) -> Any:  # noqa: ANN401 - as Streamlit's column settings
    """The setting of a column, with another width."""
    return {**setting, "width": pixels} if isinstance(setting, dict) else pixels


def _follow(shown: DataFrame, ids: Sequence[RowId], selected: Sequence[RowId], key: str) -> RowId | None:
    """Move the highlight of the table `key` to its row; return the id of the row that was just clicked."""
    before: _Drawn = st.session_state.get(f"_{key}_drawn", _Drawn())
    cell = _cell(key)
    clicked = None
    if cell is not None and cell != before.cell:
        clicked = _at(before.ids or ids, cell[0])
    row_id = clicked or (before.row_id if cell is not None else None)
    if clicked is None and selected and row_id not in selected:
        row_id = selected[0]
    column = (cell or before.cell or (0, str(shown.columns[0])))[1]
    target = (ids.index(row_id), column) if row_id in ids else None
    if target != cell:
        st.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": [target] if target else []}}
    st.session_state[f"_{key}_drawn"] = _Drawn(tuple(ids), target, row_id)
    return clicked


def _cell(key: str) -> Cell | None:
    """The cell that is highlighted in the browser."""
    cells = st.session_state.get(key, {}).get("selection", {}).get("cells") or []
    return (int(cells[0][0]), str(cells[0][1])) if cells else None


def _at(ids: Sequence[RowId], row_index: int) -> RowId | None:
    return ids[row_index] if row_index < len(ids) else None
