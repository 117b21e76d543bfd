"""The window that two words of a link name."""

import pytest

from obs_core.clock import DAY, HOUR, MINUTE, SECOND, Window
from obs_core.ui.shell.controls import TICK, invalid_parameters, window_of

NOW = 1_767_225_600 * SECOND
EXTENT = Window(NOW - 9 * DAY, NOW - 8 * DAY)


def test_all_who_ask_in_one_tick_get_one_window_that_ends_at_its_end() -> None:
    window, notes = window_of("now-1h", "now", NOW + 1, None)
    assert window == Window(NOW + TICK - HOUR, NOW + TICK)
    assert window == window_of("now-1h", "now", NOW + TICK, None)[0]
    assert not notes


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        ("first", "last", EXTENT),
        ("last-5m", "last", Window(EXTENT.to_ns - 5 * MINUTE, EXTENT.to_ns)),
        ("2026-01-01T00:00:00Z", "1767229200000", Window(NOW, NOW + HOUR)),
    ],
)
def test_a_window_may_hang_on_the_log_or_be_absolute(start: str, end: str, window: Window) -> None:
    assert window_of(start, end, NOW, EXTENT) == (window, ())


def test_the_ends_of_an_empty_log_are_now() -> None:
    assert window_of("last-1h", "last", NOW, None)[0] == Window(NOW - HOUR, NOW)


@pytest.mark.parametrize("word", ["garbage", "last-", "lastly", "now-1y", "9" * 40, "", "\0"])
def test_a_word_that_is_no_time_falls_back_and_is_said(word: str) -> None:
    window, notes = window_of(word, "now", NOW, EXTENT)
    assert window == Window(NOW - HOUR, NOW)
    assert [note for note in notes if "is not a time" in note]


def test_an_end_that_is_no_time_is_now() -> None:
    window, notes = window_of("now-5m", "never", NOW, EXTENT)
    assert window == Window(NOW - 5 * MINUTE, NOW)
    assert len(notes) == 1


def test_a_window_that_ends_before_it_begins_is_said() -> None:
    _, notes = window_of("now", "now-1h", NOW, EXTENT)
    assert ["holds nothing" in note for note in notes] == [True]


def test_a_pace_that_is_none_is_said() -> None:
    assert invalid_parameters({"every": "5s"}) == ()
    assert "“0.1s”" in invalid_parameters({"every": "0.1s"})[0]
