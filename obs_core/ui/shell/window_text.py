"""The two texts that name a window: how a page says them, writes them into a link, and reads them from a field."""

from datetime import UTC, datetime
from typing import Final

from obs_core.clock import HOUR, MILLISECOND, MINUTE, SECOND, Window, datetime_ns, instant_ns, iso_text, period_ns
from obs_core.errors import BadParameter
from obs_core.ui.kit import formatting

Texts = tuple[str, str]
DEFAULT: Final[Texts] = ("now-1h", "now")
QUIET_NS: Final = 5 * MINUTE
"""A young log that has had no rows for this long, and for longer than it is, has probably ended."""

_DASH: Final = "\N{EN DASH}"
_NOUNS: Final = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "ms": "millisecond"}


def default_texts(extent: Window | None, now: int) -> Texts:
    """Return the window of a page without one: the last hour, or the whole of a log that is younger than that."""
    if extent is None or not 0 <= now - extent.from_ns < HOUR:
        return DEFAULT
    has_ended = now - extent.to_ns > max(QUIET_NS, extent.length_ns)
    return "first", "last" if has_ended else "now"


def name_of(from_text: str, to_text: str, now: int) -> str:
    """Return how a page names the window: “Last 1 hour”, “All data”, “27 Nov 12:00 to 13:00”."""
    if from_text == "first":
        return "All data" if to_text == "last" else f"All data to {_end_of(to_text, now)}"
    start, end = from_text.partition("-"), to_text
    if start[0] == end and end in ("now", "last") and start[2]:
        length = _length_of(start[2])
        return f"Last {length}" + (" of data" if end == "last" else "")
    try:
        ends = [_local(instant_ns(text, now)) for text in (from_text, to_text)]
    except (BadParameter, OverflowError, ValueError):
        return f"{from_text[:30]} to {to_text[:30]}"
    if from_text.startswith("now"):
        return f"{from_text} to {_end_of(to_text, now)}"
    return _range(ends[0], ends[1], _local(now), open_end=to_text == "now")


def zone_label(now: int) -> str:
    """Return the short name of the reader's time zone at `now`: UTC, CET."""
    return _local(now).tzname() or formatting.zone_name()


def iso(time_ns: int, *, up: bool = False) -> str:
    """Return a time as ISO 8601 in UTC with at most milliseconds, rounded down, or `up`."""
    millis = -(-time_ns // MILLISECOND) if up else time_ns // MILLISECOND
    text = iso_text(millis * MILLISECOND)
    return f"{text[:-1].rstrip('0').rstrip('.')}Z" if text.endswith("Z") else str(millis)


def texts_of(window: Window) -> Texts:
    """Return a window as two ISO times; the end is rounded up, so that no row is lost."""
    return iso(window.from_ns), iso(window.to_ns, up=True)


def from_field(text: str) -> str:
    """Return what a reader typed as a text for a link: a time without a zone is in the reader's own."""
    text = text.strip()
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return text
    if parsed.tzinfo is not None:
        return text
    return iso(datetime_ns(parsed.replace(tzinfo=formatting.zone())))


def local_time(time_ns: int) -> datetime:
    """Return a time in the reader's zone, without naming the zone, as calendars need it; now if out of their range."""
    try:
        return _local(time_ns).replace(tzinfo=None)
    except (OverflowError, ValueError, OSError):
        return datetime.now(formatting.zone()).replace(tzinfo=None)


def widened(window: Window, factor: float) -> Window:
    """Return a window with the same middle, `factor` times as long."""
    more = round(window.length_ns * (factor - 1) / 2)
    return Window(window.from_ns - more, window.to_ns + more)


def shifted(window: Window, share: float) -> Window:
    """Return a window later by `share` of its length (earlier if negative)."""
    by = round(window.length_ns * share)
    return Window(window.from_ns + by, window.to_ns + by)


def _local(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // SECOND, tz=UTC).astimezone(formatting.zone())


def _length_of(period: str) -> str:
    """A period in words: 1 hour, 15 minutes; as it is if it is not one."""
    if period_ns(period) is None:
        return period[:30]
    digits = period.rstrip("smhdw")
    number = int(digits)
    return f"{number:,} {_NOUNS[period[len(digits) :]]}{'' if number == 1 else 's'}"


def _end_of(to_text: str, now: int) -> str:
    try:
        return to_text if to_text in ("now", "last") else f"{_local(instant_ns(to_text, now)):%d %b %H:%M}"
    except (BadParameter, OverflowError, ValueError):
        return to_text[:30]


def _range(start: datetime, end: datetime, today: datetime, *, open_end: bool) -> str:
    """Two times, as short as is clear: the year only if it is not this one."""
    seconds = start.second or end.second or (end - start).total_seconds() < MINUTE // SECOND
    clock = "%H:%M:%S" if seconds and not open_end else "%H:%M"
    day = "%d %b" if start.year == end.year == today.year else "%d %b %Y"
    if open_end:
        return f"{start:{day} {clock}} {_DASH} now"
    until = clock if start.date() == end.date() else f"{day} {clock}"
    return f"{start:{day} {clock}} {_DASH} {end:{until}}"
