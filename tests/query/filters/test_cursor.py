"""Tokens for the next page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.errors import BadParameter
from obs_core.query.filters.cursor import Cursor, cursor

TIMES_NS = st.integers(-(2**63) + 1, 2**63 - 1)


@given(st.builds(Cursor, st.one_of(st.none(), TIMES_NS, st.text()), TIMES_NS, TIMES_NS))
def test_a_token_is_read_back_as_its_cursor(row: Cursor) -> None:
    assert cursor(row.token) == row
    assert set(row.token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def test_no_token_is_the_first_page() -> None:
    assert cursor(None) is cursor("") is None


@pytest.mark.parametrize(
    "token", ["x", "é", "W10", "bnVsbA", "W251bGwsIDEsIDEuNV0", "W1tdLCAxLCAxXQ", "[" * 5000, "W251bGwsdHJ1ZSwxXQ"]
)
def test_an_invalid_token_is_refused(token: str) -> None:
    with pytest.raises(BadParameter, match="is not a valid page cursor"):
        cursor(token)
