"""Moments and windows."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.clock import DAY, HOUR, MINUTE, SECOND, Window, instant_ns, iso_ns, iso_text
from obs_core.errors import BadParameter

NOW = 1_767_225_600_123_456_789


@pytest.mark.parametrize(
    ("text", "moment"),
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
def test_a_moment_is_read_as_people_write_it(text: str, moment: int) -> None:
    assert instant_ns(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "soon", "now+1h", "now-1y", "now-٣h", "99999999999999", "10000-01-01", "1e9"])
def test_what_is_no_moment_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadParameter, match="is not a time") as refusal:
        instant_ns(text, NOW)
    assert "now-1h" in refusal.value.hint


@given(st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2200, 1, 1)), st.integers(0, 999))  # noqa: DTZ001
def test_iso_text_and_back_is_the_same_moment(moment: datetime, nanos: int) -> None:
    since = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    ns = ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000 + nanos
    assert iso_ns(iso_text(ns)) == ns


def test_a_moment_beyond_the_calendar_is_told_as_a_number() -> None:
    assert iso_text(2**63 - 1) == "2262-04-11T23:47:16.854775807Z"
    assert iso_text(2**70) == str(2**70)


def test_the_window_before_ends_where_this_one_begins() -> None:
    assert Window(100, 160).before() == Window(40, 100)
    assert Window(160, 100).length_ns == 0
