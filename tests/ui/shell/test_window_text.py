"""How pages name a window, and write it into a link."""

from zoneinfo import ZoneInfo

import pytest

from obs_core.clock import DAY, HOUR, MINUTE, SECOND, Window, instant_ns
from obs_core.ui.kit import formatting
from obs_core.ui.shell import window_text

DASH = "\N{EN DASH}"
NOW = 1_767_268_800 * SECOND  # 2026-01-01 12:00 UTC


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (("now-1h", "now"), "Last 1 hour"),
        (("now-15m", "now"), "Last 15 minutes"),
        (("last-24h", "last"), "Last 24 hours of data"),
        (("first", "last"), "All data"),
        (("first", "now"), "All data to now"),
        (("2026-01-01T10:00:00Z", "2026-01-01T11:30:00Z"), f"01 Jan 10:00 {DASH} 11:30"),
        (("2026-01-01T10:00:01.5Z", "2026-01-01T10:00:31Z"), f"01 Jan 10:00:01 {DASH} 10:00:31"),
        (("2025-12-31T23:00Z", "2026-01-01T01:00Z"), f"31 Dec 2025 23:00 {DASH} 01 Jan 2026 01:00"),
        (("2026-01-01T10:00Z", "now"), f"01 Jan 10:00 {DASH} now"),
        (("1767261600000", "1767265200000"), f"01 Jan 10:00 {DASH} 11:00"),
        (("now-2d", "now-1d"), "now-2d to 31 Dec 12:00"),
        (("yesterday", "now"), "yesterday to now"),
    ],
)
def test_a_window_is_named_as_people_say_it(texts: tuple[str, str], name: str) -> None:
    assert window_text.name_of(*texts, NOW) == name


@pytest.mark.parametrize(
    ("extent", "texts"),
    [
        (None, ("now-1h", "now")),
        (Window(NOW - 3 * DAY, NOW), ("now-1h", "now")),
        (Window(NOW - 2 * DAY, NOW - DAY), ("now-1h", "now")),
        (Window(NOW - 3 * MINUTE, NOW), ("first", "now")),
        (Window(NOW - 50 * MINUTE, NOW - 49 * MINUTE), ("first", "last")),
        (Window(NOW - 50 * MINUTE, NOW - 6 * MINUTE), ("first", "now")),
    ],
)
def test_a_log_younger_than_the_default_window_opens_on_its_own_extent(
    extent: Window | None, texts: tuple[str, str]
) -> None:
    assert window_text.default_texts(extent, NOW) == texts


def test_a_window_in_a_link_is_iso_and_loses_no_row() -> None:
    first, last = NOW + 1, NOW + HOUR + 1
    texts = window_text.texts_of(Window(first, last))
    assert texts == ("2026-01-01T12:00:00Z", "2026-01-01T13:00:00.001Z")
    start, end = (instant_ns(text, 0) for text in texts)
    assert start <= first < last <= end


def test_a_typed_time_without_a_zone_is_in_the_readers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formatting, "zone_name", lambda: "Europe/Berlin")
    monkeypatch.setattr(formatting, "zone", lambda: ZoneInfo("Europe/Berlin"))
    assert window_text.from_field("2026-01-31T12:00") == "2026-01-31T11:00:00Z"
    assert window_text.from_field("2026-01-31T12:00Z") == "2026-01-31T12:00Z"
    assert window_text.from_field(" now-1h ") == "now-1h"
    assert window_text.zone_label(NOW) == "CET"


def test_shift_and_zoom_keep_the_middle_or_the_length() -> None:
    window = Window(NOW, NOW + HOUR)
    assert window_text.shifted(window, -0.5) == Window(NOW - HOUR // 2, NOW + HOUR // 2)
    assert window_text.widened(window, 2) == Window(NOW - HOUR // 2, NOW + 3 * HOUR // 2)
