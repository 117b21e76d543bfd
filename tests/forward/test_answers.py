"""How long the next attempt waits, whatever the clock of the other side says."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from obs_core.clock import datetime_ns
from obs_core.forward.answers import FIRST_WAIT_S, LONGEST_WAIT_S, wait_s

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOW_NS = datetime_ns(NOW)


@pytest.mark.parametrize("failures", range(1, 12))
def test_the_wait_doubles_up_to_a_minute_with_jitter(failures: int) -> None:
    whole = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (failures - 1))
    waits = {wait_s(failures, "", NOW_NS) for _ in range(50)}
    assert len(waits) > 40
    assert whole / 2 <= min(waits) <= max(waits) <= whole


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("7", 7, 7.1),
        ("0", 0, 0.1),
        ("999999999999", 3600, 3600.1),
        (format_datetime(NOW.replace(minute=2), usegmt=True), 120, 120.1),
        (format_datetime(NOW.replace(year=2036), usegmt=True), 3600, 3600.1),  # a clock that jumped
        (format_datetime(NOW.replace(year=2016), usegmt=True), 0, 0.1),
        ("soon", FIRST_WAIT_S / 2, FIRST_WAIT_S),
        ("-5", FIRST_WAIT_S / 2, FIRST_WAIT_S),
    ],
)
def test_retry_after_is_obeyed_within_an_hour(text: str, least: float, most: float) -> None:
    assert least <= wait_s(1, text, NOW_NS) <= most
