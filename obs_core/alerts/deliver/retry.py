"""What an answer to a message means: it arrived, it is tried again and when, or never."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal, NamedTuple

from obs_core import clock

FIRST_WAIT_NS: Final = clock.SECOND
LONGEST_WAIT_NS: Final = 5 * clock.MINUTE  # Alertmanager's group interval: no slower than a new look would be
GIVE_UP_NS: Final = clock.DAY  # after the first attempt
_AGAIN: Final = frozenset({408, 425, 429})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Verdict = Literal["sent", "again", "failed"]


class Answer(NamedTuple):
    """What came back for one attempt."""

    status: int | None  # of HTTP; None: there was no answer
    error: str = ""  # a sentence; never a part of the body, which could repeat what was sent or tell of inner systems
    permanent: bool = False  # without an answer: trying again can't help
    retry_after: str = ""  # the header's text


def verdict(answer: Answer) -> Verdict:
    """Whether the message arrived, is tried again, or failed for good."""
    if answer.status is None:
        return "failed" if answer.permanent else "again"
    if 200 <= answer.status < 300:  # noqa: PLR2004 - the success class of RFC 9110, section 15
        return "sent"
    return "again" if answer.status in _AGAIN or answer.status >= 500 else "failed"  # noqa: PLR2004 - the server errors


def sentence(answer: Answer) -> str:
    """What went wrong; empty if nothing did."""
    if answer.status is None or verdict(answer) == "sent":
        return answer.error
    if 300 <= answer.status < 400:  # noqa: PLR2004 - the redirections
        return f"The receiver answered {answer.status}; redirects are not followed."
    return f"The receiver answered {answer.status}."


def next_attempt_ns(answer: Answer, attempts: int, now: int) -> int:
    """When to try again after `attempts` attempts: as the receiver asked, else 1 s, doubled up to 5 min."""
    asked = retry_after_ns(answer.retry_after, now)
    if asked is not None:
        return min(max(asked, now + FIRST_WAIT_NS), now + GIVE_UP_NS)
    return now + clock.backoff(FIRST_WAIT_NS, LONGEST_WAIT_NS, attempts)


def retry_after_ns(text: str, now: int) -> int | None:
    """The moment that a Retry-After header names, in seconds or as a date (RFC 9110, section 10.2.3)."""
    word = text.strip()
    if word.isascii() and word.isdigit():
        return now + min(int(word[:12]), 10**9) * clock.SECOND
    try:
        moment = parsedate_to_datetime(word)
        since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return (since.days * 86_400 + since.seconds) * clock.SECOND
