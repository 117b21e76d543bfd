"""What the response to a message means: it was sent, it is retried and when, or it failed."""

from email.utils import parsedate_to_datetime
from typing import Final, Literal, NamedTuple

from obs_core import clock

FIRST_WAIT_NS: Final = clock.SECOND
LONGEST_WAIT_NS: Final = 5 * clock.MINUTE  # Alertmanager's group interval: no slower than the next flush would be
GIVE_UP_NS: Final = clock.DAY  # after the first attempt
_RETRIED: Final = frozenset({408, 425, 429})

Outcome = Literal["sent", "retry", "failed"]


class Response(NamedTuple):
    """The response to one attempt, or why there is none."""

    status: int | None  # of HTTP; None: no response
    error: str = ""  # a sentence; never a part of the body, which could repeat what was sent or expose internal systems
    permanent: bool = False  # without a response: a retry can't help
    retry_after: str = ""  # the header's text


def outcome(response: Response) -> Outcome:
    """Whether the message was sent, is retried, or failed permanently."""
    if response.status is None:
        return "failed" if response.permanent else "retry"
    if 200 <= response.status < 300:  # noqa: PLR2004 - the success class of RFC 9110, section 15
        return "sent"
    return "retry" if response.status in _RETRIED or response.status >= 500 else "failed"  # noqa: PLR2004 - the server errors


def error_text(response: Response) -> str:
    """The error in a sentence; empty if there was none."""
    if response.status is None or outcome(response) == "sent":
        return response.error
    if 300 <= response.status < 400:  # noqa: PLR2004 - the redirections
        return f"The webhook answered {response.status}; redirects are not followed."
    return f"The webhook answered {response.status}."


def next_attempt_ns(response: Response, attempts: int, now: int) -> int:
    """When to retry after `attempts` attempts: as Retry-After says, else after 1 s, doubled up to 5 min."""
    asked_ns = retry_after_ns(response.retry_after, now)
    if asked_ns is not None:
        return min(max(asked_ns, now + FIRST_WAIT_NS), now + GIVE_UP_NS)
    return now + clock.backoff(FIRST_WAIT_NS, LONGEST_WAIT_NS, attempts)


def retry_after_ns(text: str, now: int) -> int | None:
    """The time of a Retry-After header, given in seconds or as a date (RFC 9110, section 10.2.3); None: invalid."""
    header = text.strip()
    if header.isascii() and header.isdigit():
        return now + min(int(header[:12]), 10**9) * clock.SECOND
    try:
        return clock.datetime_ns(parsedate_to_datetime(header))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
