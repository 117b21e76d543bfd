"""Windows, time buckets and parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.clock import DAY, HOUR, SECOND, Window
from obs_core.errors import BadParameter
from obs_core.query.filters import checks

WINDOWS = st.tuples(st.integers(-(2**62), 2**62), st.integers(1, 2**62)).map(lambda w: Window(w[0], w[0] + w[1]))


@given(WINDOWS)
def test_buckets_cover_the_window_and_are_at_most_300(window: Window) -> None:
    slices = checks.buckets(window, "auto")
    assert 1 <= slices.count <= checks.MOST_BUCKETS
    assert slices.origin_ns <= window.from_ns < slices.origin_ns + slices.step_ns
    last = slices.origin_ns + (slices.count - 1) * slices.step_ns
    assert last < window.to_ns <= last + slices.step_ns


@pytest.mark.parametrize(
    ("length", "step"),
    [(HOUR, 15 * SECOND), (DAY, 300 * SECOND), (7 * DAY, HOUR), (300 * DAY, DAY), (20_000 * DAY, 91 * DAY)],
)
def test_steps_are_common_lengths(length: int, step: int) -> None:
    assert checks.buckets(Window(0, length), "auto").step_ns == step


def test_buckets_start_at_whole_multiples_of_their_length() -> None:
    slices = checks.buckets(Window(61 * SECOND, 200 * SECOND), "1m")
    assert (slices.origin_ns, slices.step_ns, slices.count) == (60 * SECOND, 60 * SECOND, 3)


def test_an_empty_window_has_no_buckets() -> None:
    assert checks.buckets(Window(7, 7), "auto").count == 0


@pytest.mark.parametrize("bucket", ["", "5", "m", "0s", "-1s", "1.5s", "²s", "1y", "9999999999s"])
def test_an_invalid_bucket_length_is_refused(bucket: str) -> None:
    with pytest.raises(BadParameter, match="is not a valid bucket length"):
        checks.buckets(Window(0, HOUR), bucket)


def test_more_than_300_buckets_are_refused_with_their_number() -> None:
    with pytest.raises(BadParameter, match="Buckets of 1s would be 3,600; the maximum is 300"):
        checks.buckets(Window(0, HOUR), "1s")


def test_a_rate_needs_more_than_one_nanosecond() -> None:
    assert checks.per_second(5, Window(0, 2 * SECOND)) == 2.5
    assert checks.per_second(5, Window(7, 8)) is None
    assert checks.per_second(0, Window(7, 7)) is None


def test_text_that_no_log_can_contain_is_refused_with_its_position() -> None:
    assert checks.text("search", "") is checks.text("search", None) is None
    with pytest.raises(BadParameter, match=r"search contains half a character \(a lone surrogate\) at position 2"):
        checks.text("search", "ab\ud800")
    with pytest.raises(BadParameter, match="the maximum is 1,000"):
        checks.text("search", "x" * 1_001)


def test_the_pattern_of_a_literal_text_has_no_wildcards_but_its_ends() -> None:
    assert checks.like(r"a_b%c\d") == r"%a\_b\%c\\d%"
