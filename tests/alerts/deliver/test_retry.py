"""What responses mean, and when a message is retried."""

import pytest

from obs_core.alerts.deliver.retry import Response, error_text, next_attempt_ns, outcome, retry_after_ns

S = 1_000_000_000
NOW = 1_767_225_600 * S  # 2026-01-01T00:00:00Z, a Thursday


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((status, "sent") for status in (200, 201, 202, 204, 299)),
        *((status, "failed") for status in (301, 302, 307, 308, 400, 401, 403, 404, 405, 410, 413, 422)),
        *((status, "retry") for status in (408, 425, 429, 500, 502, 503, 504, 599)),
    ],
)
def test_the_status_decides_the_outcome(status: int, expected: str) -> None:
    response = Response(status)
    assert outcome(response) == expected
    assert (error_text(response) == "") is (expected == "sent")


def test_without_a_response_it_is_retried_unless_that_cannot_help() -> None:
    assert outcome(Response(None, "No connection.")) == "retry"
    assert outcome(Response(None, "Not allowed.", permanent=True)) == "failed"


def test_the_wait_doubles_from_a_second_to_five_minutes() -> None:
    waits = [(next_attempt_ns(Response(500), attempts, NOW) - NOW) // S for attempts in (1, 2, 3, 4, 9, 10, 1000)]
    assert waits == [1, 2, 4, 8, 256, 300, 300]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        (" 7 ", 7),
        ("Thu, 01 Jan 2026 00:02:00 GMT", 120),
        ("Thursday, 01-Jan-26 00:02:00 GMT", 120),
        ("Wed, 31 Dec 2025 23:59:00 GMT", -60),
        ("Thu, 01 Jan 2026 01:02:00 +0100", 120),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("Thu, 99 Jan 2026 00:02:00 GMT", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str, seconds: int | None) -> None:
    assert retry_after_ns(text, NOW) == (None if seconds is None else NOW + seconds * S)


def test_retry_after_replaces_our_wait_between_a_second_and_a_day() -> None:
    waits = {
        text: (next_attempt_ns(Response(429, retry_after=text), 5, NOW) - NOW) // S
        for text in ("3", "0", "999999999999")
    }
    assert waits == {"3": 3, "0": 1, "999999999999": 86_400}
