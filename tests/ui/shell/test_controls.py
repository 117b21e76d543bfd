"""The window that the two texts of a link name."""

import pytest

from obs_core.clock import DAY, HOUR, MINUTE, SECOND, Window
from obs_core.ui.shell.controls import TICK, invalid_parameters, window_of

NOW = 1_767_225_600 * SECOND
EXTENT = Window(NOW - 9 * DAY, NOW - 8 * DAY)


def test_all_sessions_of_one_tick_share_a_window_that_ends_with_it() -> None:
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
def test_a_window_is_relative_to_the_log_or_absolute(start: str, end: str, window: Window) -> None:
    assert window_of(start, end, NOW, EXTENT) == (window, ())


def test_the_ends_of_an_empty_log_are_now() -> None:
    assert window_of("last-1h", "last", NOW, None)[0] == Window(NOW - HOUR, NOW)


@pytest.mark.parametrize("text", ["garbage", "last-", "lastly", "now-1y", "9" * 40, "", "\0"])
def test_an_invalid_start_falls_back_and_is_reported(text: str) -> None:
    window, notes = window_of(text, "now", NOW, EXTENT)
    assert window == Window(NOW - HOUR, NOW)
    assert [note for note in notes if "is not a time" in note]


@pytest.mark.parametrize(
    ("start", "end", "reported"), [("now-5m", "never", 1), ("first", "yesterday", 1), ("a", "b", 2)]
)
def test_an_invalid_end_is_never_half_used(start: str, end: str, reported: int) -> None:
    window, notes = window_of(start, end, NOW, EXTENT)
    assert window == Window(NOW - HOUR, NOW)
    assert len(notes) == reported
    assert notes[-1].endswith("The last hour is shown instead.")


def test_a_window_that_ends_before_its_start_is_reported() -> None:
    _, notes = window_of("now", "now-1h", NOW, EXTENT)
    assert ["The end is not after the start." in note for note in notes] == [True]


def test_an_invalid_refresh_interval_is_reported() -> None:
    assert invalid_parameters({"every": "5s"}) == ()
    assert "“0.1s”" in invalid_parameters({"every": "0.1s"})[0]
