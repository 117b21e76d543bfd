"""Numbers in tables, and what the browser gets of a table."""

from pandas import Series
from streamlit.testing.v1 import AppTest

from obs_core.ui.kit.table import rounded

TABLES = """
import numpy as np
import streamlit as st
from pandas import DataFrame, array
from obs_core.ui.kit import table

cells = {"name": ["x", None], "trend": [[1, 2], [3]], "calls": array([1, None], dtype="Int64"), "ms": [0.5, np.nan]}
given = {"hide_index": True, "row_height": table.ROW_HEIGHT, "placeholder": "\N{EN DASH}", "height": "content"}
for number, frame in enumerate((DataFrame(cells), DataFrame({**cells, "name": [1, "x"]}))):
    st.dataframe(frame, key=f"as it is {number}", on_select="rerun", selection_mode="single-cell", **given)
    table.clickable(frame, [("a",), ("b",)], key=f"drawn {number}")
"""


def test_numbers_keep_three_significant_digits() -> None:
    numbers = Series([48_510.4, -2.794, 0.0, 0.00012345, float("nan")])
    assert rounded(numbers).tolist()[:4] == [48_500.0, -2.79, 0.0, 0.000123]
    assert rounded(numbers).isna().tolist() == [False, False, False, False, True]


def test_the_browser_gets_a_table_as_streamlit_would_send_it() -> None:
    app = AppTest.from_string(TABLES).run()
    assert not app.exception
    for as_it_is, drawn in (app.dataframe[:2], app.dataframe[2:]):
        drawn.proto.id = as_it_is.proto.id
        assert drawn.proto == as_it_is.proto
