"""Lengths of time as people write them in a field."""

from obs_core.clock import DAY, UNITS
from obs_core.errors import BadParameter

_DIGITS = 7  # fits 64 bits with every unit
_LONGEST_NS = 365 * DAY


def period_ns(text: str) -> int | None:
    """`30s`, `5m`, `4h`, `1d`, `2w` in nanoseconds, at most a year; None if it is none of these."""
    number, unit = text[:-1], text[-1:]
    if number.isascii() and number.isdecimal() and len(number) <= _DIGITS and unit in UNITS:
        return min(int(number) * UNITS[unit], _LONGEST_NS)
    return None


def wanted_ns(label: str, text: str) -> int:
    """The period that the field called `label` holds.

    Raises:
        BadParameter: it holds none.
    """
    found = period_ns(text.strip())
    if found is None:
        raise BadParameter(f"{label}: “{text[:60]}” is no length of time.", "Write 30s, 5m, 4h or 1d.")
    return found
