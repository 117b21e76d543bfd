"""Tokens for the next page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.errors import BadParameter
from obs_core.query.filters.cursor import Cursor, cursor

MOMENTS = st.integers(-(2**63) + 1, 2**63 - 1)


@given(st.builds(Cursor, st.one_of(st.none(), MOMENTS, st.text()), MOMENTS, MOMENTS))
def test_a_token_names_the_row_that_it_was_made_of(row: Cursor) -> None:
    assert cursor(row.token) == row
    assert set(row.token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def test_no_token_is_the_first_page() -> None:
    assert cursor(None) is cursor("") is None


@pytest.mark.parametrize(
    "token", ["x", "é", "W10", "bnVsbA", "W251bGwsIDEsIDEuNV0", "W1tdLCAxLCAxXQ", "[" * 5000, "W251bGwsdHJ1ZSwxXQ"]
)
def test_what_no_page_ended_with_is_refused(token: str) -> None:
    with pytest.raises(BadParameter, match="is not where a page ended"):
        cursor(token)
