"""Streaks from runs: thresholds, tolerance, missing readings, values that may repeat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.clock import SECOND
from obs_core.series.streaks import EqualRun, StaleCriteria, streaks


def runs(*numbers: tuple[float, int]) -> list[EqualRun]:
    """Runs of (number, length), a reading a second."""
    equal_runs, end = [], 0
    for number, length in numbers:
        start, end = end, end + length
        equal_runs.append(
            EqualRun(
                length, start * SECOND, (end - 1) * SECOND, str(number), "float", number, missing=False, ongoing=False
            )
        )
    return [*equal_runs[:-1], equal_runs[-1]._replace(ongoing=True)]


def test_a_streak_is_longer_than_the_threshold() -> None:
    assert [streak.length for streak in streaks(runs((1, 5), (2, 6), (3, 4)), StaleCriteria(threshold=5))] == [6]


def test_numbers_within_the_tolerance_of_the_first_value_are_equal_and_drift_is_not() -> None:
    slowly = runs((1.0, 2), (1.5, 2), (2.0, 2), (2.5, 2))
    assert [
        (streak.number, streak.length) for streak in streaks(slowly, StaleCriteria(threshold=3, tolerance=1.0))
    ] == [(1.0, 6)]


def test_numbers_of_another_type_end_a_streak_even_within_the_tolerance() -> None:
    one, other = runs((1.0, 4), (1.0, 4))
    assert streaks([one, other._replace(type="int")], StaleCriteria(threshold=5, tolerance=1.0)) == []


def test_a_streak_shorter_than_the_minimum_time_does_not_count() -> None:
    assert streaks(runs((1, 10)), StaleCriteria(min_seconds=9.5)) == []
    assert len(streaks(runs((1, 10)), StaleCriteria(min_seconds=9))) == 1


def test_missing_readings_that_end_streaks_do_not_form_streaks() -> None:
    gone = runs((1, 9))[0]._replace(missing=True, number=None, text="")
    assert streaks([gone], StaleCriteria(missing="break")) == []
    assert streaks([gone], StaleCriteria(missing="value")) == [gone]


@pytest.mark.parametrize("text", ["0", "0.00", "-0.0", "1e-9"])
def test_an_ignored_number_may_repeat_in_any_notation(text: str) -> None:
    assert streaks(runs((0.0, 9)), StaleCriteria(ignore=(text,), tolerance=1e-6)) == []
    assert len(streaks(runs((2.0, 9)), StaleCriteria(ignore=(text,), tolerance=1e-6))) == 1


def test_an_ignored_text_may_repeat() -> None:
    idle = runs((0, 9))[0]._replace(text="Idle", number=None, type="str")
    assert streaks([idle], StaleCriteria(ignore=("busy", "idle"))) == []
    assert streaks([idle], StaleCriteria(ignore=("nan", "0"))) == [idle]


READINGS = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=40)


@given(READINGS, st.integers(1, 4), st.sampled_from([0.0, 1.0, 2.5]))
def test_streaks_of_runs_equal_streaks_counted_reading_by_reading(
    readings: list[float], threshold: int, tolerance: float
) -> None:
    equal = runs(*((number, 1) for number in readings))
    expected, first, length = [], readings[0], 0
    for number in [*readings, float("inf")]:
        if abs(number - first) <= tolerance:
            length += 1
            continue
        if length > threshold:
            expected.append((first, length))
        first, length = number, 1
    # a tiny tolerance joins single readings into runs, as SQL does without one
    stale = streaks(equal, StaleCriteria(threshold=threshold, tolerance=tolerance or 1e-9))
    assert [(streak.number, streak.length) for streak in stale] == expected
    assert [streak for streak in stale if streak.ongoing] == [
        streak for streak in stale if streak.end_ns == (len(readings) - 1) * SECOND
    ]
