"""Moments and windows: nanoseconds since 1970 UTC, and the ways people write them in links and commands."""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from obs_core.errors import BadParameter

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_RELATIVE: Final = re.compile(r"now(?:-(\d{1,9})([smhdw]))?", re.ASCII)
_EPOCH_MS: Final = re.compile(r"-?\d{1,15}", re.ASCII)
_FRACTION: Final = re.compile(r"\.(\d+)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FURTHEST_NS: Final = 2**63 - 1


def now_ns() -> int:
    """The present moment, in nanoseconds since 1970 UTC."""
    return time.time_ns()


@dataclass(frozen=True, slots=True)
class Window:
    """A time range [from_ns, to_ns), in nanoseconds since 1970 UTC."""

    from_ns: int
    to_ns: int

    @property
    def length_ns(self) -> int:
        """How long the window is, never negative."""
        return max(0, self.to_ns - self.from_ns)

    def before(self) -> "Window":
        """The window of the same length that ends where this one begins."""
        return Window(self.from_ns - self.length_ns, self.from_ns)


def instant_ns(text: str, now: int) -> int:
    """The moment that `text` names, in nanoseconds since 1970 UTC.

    `text` is `now`, `now-1h` (units s m h d w), epoch milliseconds, or ISO 8601 (without a zone: UTC).
    `now` is the present moment in nanoseconds.

    Raises:
        BadParameter: it is none of these, or beyond 64 bits.
    """
    word = text.strip()
    if match := _RELATIVE.fullmatch(word):
        count, unit = match.groups()
        return now - int(count) * UNITS[unit] if count else now
    moment = int(word) * 1_000_000 if _EPOCH_MS.fullmatch(word) else iso_ns(word)
    if moment is None or abs(moment) > FURTHEST_NS:
        message = f"“{text[:60]}” is not a time."
        raise BadParameter(message, "Write now, now-1h, epoch milliseconds, or ISO 8601 such as 2026-01-31T12:00:00Z.")
    return moment


def iso_ns(text: str) -> int | None:
    """The ISO 8601 moment `text` in nanoseconds since 1970 UTC (without a zone: UTC), or None if it is not one."""
    fraction = _FRACTION.search(text)
    nanos = int(fraction[1][:9].ljust(9, "0")) if fraction else 0
    try:
        moment = datetime.fromisoformat(_FRACTION.sub("", text, count=1))
    except ValueError:
        return None
    try:
        since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    except OverflowError:
        return None
    return (since.days * 86_400 + since.seconds) * SECOND + nanos


def iso_text(ns: int) -> str:
    """`ns` as ISO 8601 in UTC with nanoseconds, as exports carry it; beyond the calendar, the bare number."""
    seconds, nanos = divmod(ns, SECOND)
    text = _second(seconds)
    return f"{text}.{nanos:09d}Z" if text else str(ns)


@lru_cache(maxsize=1_024)
def _second(seconds: int) -> str:
    """The second as ISO 8601; empty beyond the calendar. Rows of one second come together: 0.3 µs instead of 2."""
    try:
        return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}"
    except OverflowError:
        return ""
