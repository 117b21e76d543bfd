"""Times, periods and time ranges."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.clock import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Window,
    backoff,
    instant_ns,
    iso_ns,
    iso_text,
    period_ns,
    period_text,
)
from obs_core.errors import BadParameter

NOW = 1_767_225_600_123_456_789


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("now", NOW),
        ("now-90s", NOW - 90 * SECOND),
        ("now-5m", NOW - 5 * MINUTE),
        ("now-1h", NOW - HOUR),
        ("now-2w", NOW - 14 * DAY),
        ("0", 0),
        ("1767225600123", 1_767_225_600_123_000_000),
        ("-1000", -SECOND),
        ("2026-01-01T00:00:00Z", 1_767_225_600 * SECOND),
        ("2026-01-01", 1_767_225_600 * SECOND),
        ("2026-01-01 00:00:00.123456789", 1_767_225_600_123_456_789),
        ("2026-01-01T01:00:00.5+01:00", 1_767_225_600_500_000_000),
    ],
)
def test_a_time_is_read_as_people_write_it(text: str, time_ns: int) -> None:
    assert instant_ns(text, NOW) == time_ns


@pytest.mark.parametrize(
    "text",
    ["", "soon", "last", "last-1h", "now-1.5h", "now+1h", "now-1y", "now-٣h", "99999999999999", "10000-01-01", "1e9"],
)
def test_a_text_that_is_not_a_time_is_rejected_with_a_hint(text: str) -> None:
    with pytest.raises(BadParameter, match="is not a time") as error:
        instant_ns(text, NOW)
    assert "now-1h" in error.value.hint


@given(st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2200, 1, 1)), st.integers(0, 999))  # noqa: DTZ001
def test_iso_text_reads_back_as_the_same_time(parsed: datetime, nanoseconds: int) -> None:
    since_epoch = parsed.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    time_ns = ((since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000 + since_epoch.microseconds) * 1000
    assert iso_ns(iso_text(time_ns + nanoseconds)) == time_ns + nanoseconds


def test_a_time_outside_the_calendar_is_written_as_a_number() -> None:
    assert iso_text(2**63 - 1) == "2262-04-11T23:47:16.854775807Z"
    assert iso_text(2**70) == str(2**70)


def test_the_window_before_ends_where_this_one_starts() -> None:
    assert Window(100, 160).before() == Window(40, 100)
    assert Window(160, 100).length_ns == 0


@pytest.mark.parametrize(
    ("text", "time_ns"), [("first", 100), ("last", 160), ("last-60ms", 160 - 60_000_000), (" last-1h ", 160 - HOUR)]
)
def test_times_may_count_from_the_first_and_last_row_of_a_log(text: str, time_ns: int) -> None:
    assert instant_ns(text, NOW, Window(100, 160)) == time_ns


@pytest.mark.parametrize(
    ("text", "length_ns"),
    [("0s", 0), ("500ms", SECOND // 2), ("30s", 30 * SECOND), ("5m", 5 * MINUTE), ("4h", 4 * HOUR), ("2w", 14 * DAY)],
)
def test_a_period_is_a_whole_number_and_a_unit(text: str, length_ns: int) -> None:
    assert period_ns(text) == period_ns(text, fraction=True) == length_ns


@pytest.mark.parametrize("text", ["", "s", "5", "-5s", "5 m", "٣s", "99999999999s", "5y", "1e3s", "1.s"])
def test_a_text_without_a_number_and_a_unit_is_not_a_period(text: str) -> None:
    assert period_ns(text) is period_ns(text, fraction=True) is None


def test_only_periods_with_fractions_allowed_have_fractions() -> None:
    assert period_ns("1.5h") is None
    assert period_ns("1.5h", fraction=True) == 90 * MINUTE
    assert period_ns(".5h", fraction=True) == 30 * MINUTE


@given(st.integers(0, 10**8).map(lambda tenths: tenths * SECOND // 10))
def test_a_period_that_is_written_reads_back_as_the_same(length_ns: int) -> None:
    assert period_ns(period_text(length_ns), fraction=True) == length_ns


def test_the_delay_after_failures_doubles_up_to_the_longest() -> None:
    assert [backoff(0.5, 8.0, failures) for failures in range(8)] == [0.5, 0.5, 1, 2, 4, 8, 8, 8]
    assert backoff(SECOND, 5 * MINUTE, 10_000) == 5 * MINUTE
