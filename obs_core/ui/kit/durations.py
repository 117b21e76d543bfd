"""Durations and snooze ends that a reader types into a field."""

from obs_core.clock import MAX_PERIOD_NS, iso_ns, period_ns
from obs_core.errors import BadParameter
from obs_core.ui.kit import formatting


def snooze_end_text(ns: int | None, now: int) -> str:
    """Return the end of a snooze in a few characters: hour and minute, with the date unless it is today."""
    text = formatting.format_time_short(ns, now)
    return text[:5] if text[2:3] == ":" else text


def checked_duration_ns(label: str, text: str) -> int:
    """Return the duration in the field named `label`, at most `MAX_PERIOD_NS`.

    Raises:
        BadParameter: `text` is not a duration.
    """
    duration_ns = period_ns(text.strip())
    if duration_ns is None:
        raise BadParameter(f"{label}: “{text[:60]}” is not a valid duration.", "Write 30s, 5m, 4h or 1d.")
    return min(duration_ns, MAX_PERIOD_NS)


def snooze_end_ns(text: str, now: int) -> int:
    """Return the end of a snooze: a duration from now (1h) or an ISO 8601 time.

    Raises:
        BadParameter: `text` is neither, or the time is in the past.
    """
    text = text.strip()
    if (duration_ns := period_ns(text)) is not None:
        return now + min(duration_ns, MAX_PERIOD_NS)
    end_ns = iso_ns(text)
    if end_ns is None or end_ns <= now:
        message = f"“{text[:60]}” is not a valid snooze end."
        raise BadParameter(message, "Write 15m, 8h, 2d, or a future time such as 2027-01-31T12:00Z.")
    return end_ns
