"""Times, periods and time ranges in nanoseconds, and how people write them in links, rules and commands."""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, TypeVar

from obs_core.errors import BadParameter

Length = TypeVar("Length", int, float)

MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
"""The units of a period; `period_ns` also reads ms."""

MAX_NS: Final = 2**63 - 1
"""The latest time that 64 bits hold."""

FIRST_NS: Final = -MAX_NS
LAST_NS: Final = MAX_NS - 1
"""The bounds of a row's time, in the years 1677 and 2262; the end of a window after the last row fits 64 bits too."""

MAX_PERIOD_NS: Final = 365 * DAY
"""The longest period that a rule, a snooze or a webhook takes."""

_ALL_UNITS: Final = {"ms": MILLISECOND, **UNITS}
_PERIOD: Final = re.compile(r"(?=\.?\d)(\d{0,9})(\.\d{1,9})?(ms|[smhdw])", re.ASCII)
_RELATIVE: Final = re.compile(r"(now|last)(?:-(.+))?", re.ASCII)
_EPOCH_MS: Final = re.compile(r"-?\d{1,15}", re.ASCII)
_FRACTION: Final = re.compile(r"\.(\d+)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def now_ns() -> int:
    """The current time, in nanoseconds since 1970 UTC."""
    return time.time_ns()


@dataclass(frozen=True, slots=True)
class Window:
    """A time range [from_ns, to_ns), in nanoseconds since 1970 UTC."""

    from_ns: int
    to_ns: int

    @property
    def length_ns(self) -> int:
        """The length of the window, never negative."""
        return max(0, self.to_ns - self.from_ns)

    def before(self) -> "Window":
        """The window of the same length that ends where this one starts."""
        return Window(self.from_ns - self.length_ns, self.from_ns)


def period_ns(text: str, *, fraction: bool = False) -> int | None:
    """The length of the period `text` in nanoseconds, or None if it is not one.

    A period is a whole number (with `fraction` also a decimal one) and a unit: 500ms, 30s, 5m, 4h, 1d, 2w.
    """
    match = _PERIOD.fullmatch(text)
    if match is None or (match[2] and not fraction):
        return None
    unit = _ALL_UNITS[match[3]]
    return round(float(match[1] + match[2]) * unit) if match[2] else int(match[1]) * unit


def period_text(length_ns: int) -> str:
    """A period as people write it, in the longest unit (up to days) that divides it: 90s, 5m, 1d."""
    if not length_ns or length_ns % SECOND:
        return f"{length_ns / SECOND:.9f}".rstrip("0").rstrip(".") + "s"
    unit, size = [(unit, size) for unit, size in UNITS.items() if unit != "w" and length_ns % size == 0][-1]
    return f"{length_ns // size}{unit}"


def instant_ns(text: str, now: int, extent: Window | None = None) -> int:
    """The time that `text` names, in nanoseconds since 1970 UTC.

    `text` is `now`, `now-1h` (units as in `period_ns`), epoch milliseconds, or ISO 8601 (without a zone: UTC). With
    `extent`, the time range of a log, it may also be `first`, `last` or `last-1h`.
    `now` is the current time in nanoseconds.

    Raises:
        BadParameter: it is not in one of these forms, or does not fit 64 bits.
    """
    text = text.strip()
    if text == "first" and extent is not None:
        return extent.from_ns
    match = _RELATIVE.fullmatch(text)
    if match is not None and (match[1] == "now" or extent is not None):
        ago_ns = period_ns(match[2]) if match[2] else 0
        start_ns = now if match[1] == "now" or extent is None else extent.to_ns
        time_ns = None if ago_ns is None else start_ns - ago_ns
    else:
        time_ns = int(text) * MILLISECOND if _EPOCH_MS.fullmatch(text) else iso_ns(text)
    if time_ns is None or abs(time_ns) > MAX_NS:
        message = f"“{text[:60]}” is not a time."
        raise BadParameter(message, "Write now, now-1h, epoch milliseconds, or ISO 8601 such as 2026-01-31T12:00:00Z.")
    return time_ns


def backoff(first: Length, longest: Length, failures: int) -> Length:
    """The delay after `failures` failures in a row: `first`, doubled with each further failure, at most `longest`."""
    return min(longest, first * (1 << min(max(failures - 1, 0), 30)))


def names_extent(text: str) -> bool:
    """Whether the instant `text` counts from the first or last row of a log."""
    return text.strip().startswith(("first", "last"))


def iso_ns(text: str) -> int | None:
    """The ISO 8601 time `text` in nanoseconds since 1970 UTC (without a zone: UTC), or None if it is not one."""
    fraction = _FRACTION.search(text)
    nanoseconds = int(fraction[1][:9].ljust(9, "0")) if fraction else 0
    try:
        parsed = datetime.fromisoformat(_FRACTION.sub("", text, count=1))
    except ValueError:
        return None
    try:
        return datetime_ns(parsed) + nanoseconds
    except OverflowError:
        return None


def datetime_ns(value: datetime) -> int:
    """`value` in nanoseconds since 1970 UTC (without a zone: UTC).

    Raises:
        OverflowError: it is outside the calendar's range in UTC.
    """
    since_epoch = (value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH
    return since_epoch // timedelta(microseconds=1) * 1_000


def iso_text(time_ns: int) -> str:
    """`time_ns` as ISO 8601 in UTC with nanoseconds, as in exports; outside the calendar's range, the bare number."""
    seconds, nanoseconds = divmod(time_ns, SECOND)
    text = _iso_second(seconds)
    return f"{text}.{nanoseconds:09d}Z" if text else str(time_ns)


@lru_cache(maxsize=1_024)
def _iso_second(seconds: int) -> str:
    """The second as ISO 8601; empty outside the calendar's range.

    The cache: rows of the same second come together, which takes 0.3 µs per row instead of 2.
    """
    try:
        return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}"
    except OverflowError:
        return ""
