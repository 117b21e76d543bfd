"""Lengths of time as people write them in a field."""

from obs_core.clock import DAY, SECOND, UNITS, iso_ns
from obs_core.errors import BadParameter
from obs_core.ui.kit import formatting

_DIGITS = 7  # fits 64 bits with every unit
_LONGEST_NS = 365 * DAY


def period_ns(text: str) -> int | None:
    """`30s`, `5m`, `4h`, `1d`, `2w` in nanoseconds, at most a year; None if it is none of these."""
    number, unit = text[:-1], text[-1:]
    if number.isascii() and number.isdecimal() and len(number) <= _DIGITS and unit in UNITS:
        return min(int(number) * UNITS[unit], _LONGEST_NS)
    return None


def written(length_ns: int) -> str:
    """A period as people write it, in the longest unit that it is a whole number of: 90s, 5m, 1d."""
    units = [(unit, each) for unit, each in UNITS.items() if unit != "w" and length_ns and length_ns % each == 0]
    unit, each = units[-1] if units else ("s", SECOND)
    return f"{length_ns / each:g}{unit}"


def end_text(ns: int | None, now: int) -> str:
    """The end of a snooze in a few characters: the hour and minute, with the day unless it is today."""
    brief = formatting.format_time_short(ns, now)
    return brief[:5] if brief[2:3] == ":" else brief


def wanted_ns(label: str, text: str) -> int:
    """The period that the field called `label` holds.

    Raises:
        BadParameter: it holds none.
    """
    found = period_ns(text.strip())
    if found is None:
        raise BadParameter(f"{label}: “{text[:60]}” is no length of time.", "Write 30s, 5m, 4h or 1d.")
    return found


def until_ns(text: str, now: int) -> int:
    """The end of a snooze: a time from now (1h), or a moment in ISO 8601.

    Raises:
        BadParameter: it is neither, or has passed.
    """
    word = text.strip()
    if (length := period_ns(word)) is not None:
        return now + length
    moment = iso_ns(word)
    if moment is None or moment <= now:
        message = f"“{word[:60]}” is no end of a snooze."
        raise BadParameter(message, "Write 15m, 8h, 2d, or a coming moment such as 2027-01-31T12:00Z.")
    return moment
