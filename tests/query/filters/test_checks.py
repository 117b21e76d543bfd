"""Windows, slices of time and parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.clock import DAY, HOUR, SECOND, Window
from obs_core.errors import BadParameter
from obs_core.query.filters import checks

WINDOWS = st.tuples(st.integers(-(2**62), 2**62), st.integers(1, 2**62)).map(lambda w: Window(w[0], w[0] + w[1]))


@given(WINDOWS)
def test_slices_cover_the_window_and_are_at_most_300(window: Window) -> None:
    found = checks.buckets(window, "auto")
    assert 1 <= found.count <= checks.MOST_BUCKETS
    assert found.origin_ns <= window.from_ns < found.origin_ns + found.step_ns
    last = found.origin_ns + (found.count - 1) * found.step_ns
    assert last < window.to_ns <= last + found.step_ns


@pytest.mark.parametrize(
    ("length", "step"),
    [(HOUR, 15 * SECOND), (DAY, 300 * SECOND), (7 * DAY, HOUR), (300 * DAY, DAY), (20_000 * DAY, 91 * DAY)],
)
def test_steps_are_lengths_that_people_use(length: int, step: int) -> None:
    assert checks.buckets(Window(0, length), "auto").step_ns == step


def test_slices_begin_at_whole_multiples_of_their_length() -> None:
    found = checks.buckets(Window(61 * SECOND, 200 * SECOND), "1m")
    assert (found.origin_ns, found.step_ns, found.count) == (60 * SECOND, 60 * SECOND, 3)


def test_an_empty_window_has_no_slices() -> None:
    assert checks.buckets(Window(7, 7), "auto").count == 0


@pytest.mark.parametrize("bucket", ["", "5", "m", "0s", "-1s", "1.5s", "²s", "1y", "9999999999s"])
def test_what_is_no_length_of_a_slice_is_refused(bucket: str) -> None:
    with pytest.raises(BadParameter, match="is no length of a bucket"):
        checks.buckets(Window(0, HOUR), bucket)


def test_more_than_300_slices_are_refused_with_their_number() -> None:
    with pytest.raises(BadParameter, match="Buckets of 1s would make 3,600 of them; 300 is the most"):
        checks.buckets(Window(0, HOUR), "1s")


def test_a_rate_needs_more_than_one_moment() -> None:
    assert checks.per_second(5, Window(0, 2 * SECOND)) == 2.5
    assert checks.per_second(5, Window(7, 8)) is None
    assert checks.per_second(0, Window(7, 7)) is None


def test_text_that_no_log_can_hold_is_refused_with_its_position() -> None:
    assert checks.text("search", "") is checks.text("search", None) is None
    with pytest.raises(BadParameter, match=r"search holds half a character \(a lone surrogate\) at position 2"):
        checks.text("search", "ab\ud800")
    with pytest.raises(BadParameter, match="1,000 is the most"):
        checks.text("search", "x" * 1_001)


def test_the_pattern_of_a_literal_text_has_no_wildcards_but_its_ends() -> None:
    assert checks.like(r"a_b%c\d") == r"%a\_b\%c\\d%"
