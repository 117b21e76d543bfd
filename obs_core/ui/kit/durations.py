"""Lengths of time as people write them in a field."""

from obs_core.clock import MAX_PERIOD_NS, iso_ns, period_ns
from obs_core.errors import BadParameter
from obs_core.ui.kit import formatting


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
    return min(found, MAX_PERIOD_NS)


def until_ns(text: str, now: int) -> int:
    """The end of a snooze: a time from now (1h), or a moment in ISO 8601.

    Raises:
        BadParameter: it is neither, or has passed.
    """
    word = text.strip()
    if (length := period_ns(word)) is not None:
        return now + min(length, MAX_PERIOD_NS)
    moment = iso_ns(word)
    if moment is None or moment <= now:
        message = f"“{word[:60]}” is no end of a snooze."
        raise BadParameter(message, "Write 15m, 8h, 2d, or a coming moment such as 2027-01-31T12:00Z.")
    return moment
