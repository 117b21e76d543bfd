"""The comparison of the Logs page: do plain SQL and the Trace Explorer have the same rows for this filter?"""

from typing import Final, NamedTuple

import streamlit as st
from pandas import DataFrame

from obs_core.query.comparison.differences import Comparison, compare
from obs_core.query.comparison.old_logs import OldFilter
from obs_core.query.filters.row_filter import RowFilter
from obs_core.settings import store_url
from obs_core.ui.kit import formatting
from obs_core.ui.kit.text import plain
from obs_core.ui.shell import answers
from obs_core.ui.shell.panel import boundary
from obs_core.ui.shell.scope import PageScope

MOST: Final = 50_000
"""Newest rows that are compared; `compare-logs` on the command line compares all."""

LISTED: Final = 200  # differences in the table
_RESULT: Final = "l_comparison"


class _Result(NamedTuple):
    """A comparison and the filter that it was made for."""

    old_filter: OldFilter
    from_text: str
    to_text: str
    comparison: Comparison


def comparison_menu(scope: PageScope, row_filter: RowFilter) -> None:
    """A menu that compares the rows of both pages when asked, and keeps the result until the filter changes.

    A store has no plain rows to compare with.
    """
    if store_url():
        return
    old_filter = OldFilter(group=scope.group, search=row_filter.search)
    with st.popover("Compare", icon=":material/compare_arrows:", key="l_compare"), boundary("Compare"):
        st.caption(
            "Reads the rows of this window and text by one plain SQL statement and as the Trace Explorer does, "
            "and lists every difference. The level is ignored."
        )
        if st.button("Compare now", type="primary", key="l_compare_now", width="stretch"):
            with st.spinner("Comparing…"):
                comparison = compare(answers.engine(), scope.window, old_filter, most=MOST)
            st.session_state[_RESULT] = _Result(old_filter, scope.from_text, scope.to_text, comparison)
        result: _Result | None = st.session_state.get(_RESULT)
        if result and result[:3] == (old_filter, scope.from_text, scope.to_text):
            _draw(result.comparison)


def _draw(comparison: Comparison) -> None:
    rows = f"{'the newest ' if comparison.is_cut else ''}{_number(comparison.old_rows, 'row')}"
    if comparison.differences:
        st.error(f"{_number(len(comparison.differences), 'difference')} in {rows}.")
        st.dataframe(_table(comparison), hide_index=True, key="l_differences")
    else:
        st.success(f"No difference in {rows}.", icon=":material/check:")
    st.caption(f"Plain SQL {comparison.old_s:.2f} s, Trace Explorer {comparison.new_s:.2f} s")


def _number(count: int, noun: str) -> str:
    return f"{formatting.count(count)} {noun}{'' if count == 1 else 's'}"


def _table(comparison: Comparison) -> DataFrame:
    listed = comparison.differences[:LISTED]
    return DataFrame(
        {
            "Differs": [difference.what for difference in listed],
            "Row": ["" if difference.row_id is None else str(difference.row_id) for difference in listed],
            "Plain SQL": [plain(difference.old, 200) for difference in listed],
            "Trace Explorer": [plain(difference.new, 200) for difference in listed],
        }
    )
