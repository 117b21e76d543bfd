"""Two readings are equal only if their values are; what can't be compared equals nothing."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.alerts.rules.kinds.value import Value
from obs_core.capture.values.equality import MOST_BYTES, Key
from obs_core.series.streaks import ReadingKey, Streak, reading_key
from tests.support.values import COMPARABLE, INCOMPARABLE, row_of


def key_of(value: object) -> ReadingKey:
    row = row_of(value)
    return reading_key(row.data_type, row.data_value, row.attributes)


def are_equal(one: object, other: object) -> bool:
    first = key_of(one)
    return Streak(first, None, 1, 0, 0).includes(key_of(other), 0.0)


def test_the_table_has_more_than_a_hundred_kinds() -> None:
    assert len(COMPARABLE) >= 100
    assert len(INCOMPARABLE) >= 20


@pytest.mark.parametrize("kind", COMPARABLE)
def test_a_value_equals_itself_built_again_and_no_other(kind: str) -> None:
    one, other = COMPARABLE[kind]
    assert are_equal(one(), one())
    assert are_equal(other(), other())
    assert not are_equal(one(), other())


@pytest.mark.parametrize("kind", INCOMPARABLE)
def test_what_cannot_be_compared_equals_nothing(kind: str) -> None:
    one, other = INCOMPARABLE[kind]
    assert not are_equal(one(), other())
    assert not are_equal(one(), one())
    assert '"obs.value.incomparable": true' in (row_of(one()).attributes or "")


flat = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
nested = st.recursive(
    flat,
    lambda inner: (
        st.lists(inner, max_size=40)
        | st.dictionaries(st.text("abc"), inner, max_size=40)
        | st.tuples(inner, inner)
        | st.frozensets(flat, max_size=40)
    ),
    max_leaves=60,
)


@given(nested, nested)
def test_nested_values_are_equal_only_if_python_says_so(one: Any, other: Any) -> None:  # noqa: ANN401
    equal = type(one) is type(other) and repr(one) == repr(other)
    if equal and key_of(one).is_comparable:
        assert are_equal(one, other)
    if one != other:
        assert not are_equal(one, other)


@given(st.frozensets(st.integers() | st.text(), max_size=60), st.randoms())
def test_the_order_in_which_a_set_was_filled_makes_no_difference(entries: frozenset[object], chance: Any) -> None:  # noqa: ANN401
    order = list(entries)
    chance.shuffle(order)
    assert not key_of(entries).is_comparable or are_equal(entries, frozenset(order))


def test_an_array_that_is_too_large_is_not_read_at_all() -> None:
    array = np.broadcast_to(np.zeros(1), (MOST_BYTES,))  # reading a terabyte would be noticed
    assert not key_of(np.broadcast_to(array, (10_000, MOST_BYTES))).is_comparable


def test_once_a_reading_is_incomparable_nothing_more_is_hashed() -> None:
    key = Key()
    assert not key.can_take(MOST_BYTES + 1)
    assert key.result("text") == {"incomparable": True}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"bid": COMPARABLE["np.float64"][0]()}, "{'bid': 1.0}"),
        ([COMPARABLE["subclass of float"][0]()], "[1.0]"),
        (COMPARABLE["subclass of int"][0](), "1"),
        (COMPARABLE["subclass of str"][0](), "a"),
        ([COMPARABLE["Timestamp"][0]()], "[Timestamp('1970-01-01 00:00:00.000000001')]"),
        ({"a": COMPARABLE["matrix"][0]()}, "{'a': ndarray 30 x 30 float64}"),
        ({3, 1, 20}, "{1, 3, 20}"),
    ],
)
def test_what_is_shown_stays_readable(value: object, text: str) -> None:
    assert row_of(value).data_value == text


def test_streaks_of_a_log_written_before_are_found_as_before() -> None:
    """Texts without attributes, texts with a hash, texts cut without one."""
    assert reading_key("str", "a") == reading_key("str", "a", None)
    assert reading_key("str", "x…", '{"attributes": {"obs.value.length": 9, "obs.value.hash": "aa"}}').other == "aa"
    assert reading_key("str", "x…", '{"attributes": {"http.route": "/"}}').other == "x…"
    assert reading_key("ndarray", "ndarray 3 float64", '{"attributes": {"obs.value.hash": "ab"}}').other == "ab"
    assert reading_key("float64", "1.5", '{"attributes": {"obs.value.hash": "ab"}}').number == 1.5


def test_an_incomparable_reading_is_never_outside_the_limits_of_a_rule() -> None:
    shut = Value(allowed=("open",))
    assert shut.is_met(key_of("shut"), "shut")
    assert not any(shut.is_met(key_of(one()), row_of(one()).data_value) for one, _ in INCOMPARABLE.values())
