"""Formats numbers, durations, sizes and times for the pages."""

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import streamlit as st

from obs_core.clock import SECOND

TIMES: Final = "\N{MULTIPLICATION SIGN}"
NOT_MEASURED: Final = "\N{EN DASH}"
_MANY_TIMES: Final = 10
_MARKS: Final = re.compile(r"([\\`*_{}\[\]()#+.!|<>~$:-])")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTHS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms"), (1e-3, "µs"))
_SIZES: Final = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def count(number: float | None) -> str:
    """Format a whole number with separators: 1,234; a dash if it is unknown."""
    return NOT_MEASURED if _unknown(number) else f"{number:,.0f}"


def rate(number: float | None) -> str:
    """Format a rate with three significant digits: 12.3, 0.0451, 1,234."""
    return NOT_MEASURED if number is None or _unknown(number) else _three(number)


def share(fraction: float | None) -> str:
    """Format a fraction in percent with at most three significant digits: 3.4 %."""
    if fraction is None or _unknown(fraction):
        return NOT_MEASURED
    percent = fraction * 100
    return f"{percent:.3g} %" if 0 < abs(percent) < 10 else f"{percent:.1f} %" if percent % 1 else f"{percent:.0f} %"  # noqa: PLR2004 - below 10, digits after the point


def duration(ms: float | None) -> str:
    """Format a duration in milliseconds with three significant digits: 12.3 ms, 1.24 s, 3.5 h."""
    if ms is None or _unknown(ms):
        return NOT_MEASURED
    if ms == 0:
        return "0 ms"
    unit, name = next(((unit, name) for unit, name in _LENGTHS if abs(ms) >= unit), _LENGTHS[-1])
    return f"{_three(ms / unit)} {name}"


def size(number: float | None) -> str:
    """Format a number of bytes with three significant digits: 640 B, 1.24 MB."""
    if number is None or _unknown(number):
        return NOT_MEASURED
    unit, name = next(((unit, name) for unit, name in _SIZES if abs(number) >= unit), (1.0, "B"))
    return f"{_three(number / unit)} {name}"


def format_time(ns: float | None, *, date: bool = True) -> str:
    """Format a timestamp in the reader's time zone with milliseconds: 2026-01-31 12:00:00.123; `date` is optional."""
    if ns is None or _unknown(ns):
        return NOT_MEASURED
    whole = int(ns)
    try:
        local = (_EPOCH + timedelta(seconds=whole // SECOND)).astimezone(zone())
    except OverflowError:
        return f"{whole} ns"
    millis = whole % SECOND // 1_000_000
    return f"{local:%Y-%m-%d %H:%M:%S}.{millis:03d}" if date else f"{local:%H:%M:%S}.{millis:03d}"


def format_time_short(ns: float | None, now: float) -> str:
    """Format a timestamp for a narrow column: the time with milliseconds if it is today, else date and minute."""
    whole = format_time(ns)
    return whole[11:] if whole[:10] == format_time(now)[:10] else whole[:16]


def escape_markdown(text: str) -> str:
    """Escape `text` for a Markdown element, so that no character of it is markup."""
    return _MARKS.sub(r"\\\1", text)


def number(value: object) -> float | None:
    """Return a cell as a number, or None if it has none (null, NaN)."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def zone() -> tzinfo:
    """Return the time zone that the browser reports, or UTC."""
    return _zone(st.context.timezone or "UTC")


def zone_name() -> str:
    """Return the name of the reader's time zone."""
    return str(zone())


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return UTC


def _three(number: float) -> str:
    """Three significant digits, never in exponent notation."""
    if abs(number) >= 100:  # noqa: PLR2004 - from 100 on, three digits are a whole number
        return f"{number:,.0f}"
    if number == 0:
        return "0"
    digits = min(9, max(0, 2 - math.floor(math.log10(abs(number)))))
    return f"{number:.{digits}f}"


def _unknown(number: float | None) -> bool:
    return number is None or not math.isfinite(number)


def change(factor: float) -> str:
    """A change by `factor`: in percent, and from ten times as much on as a factor, which is easier to read."""
    return f"{TIMES}{factor:,.0f}" if factor >= _MANY_TIMES else f"{round((factor - 1) * 100) or 0:+,d} %"
