"""The frame of every page: its heading, its style, and how numbers and moments are written."""

import html
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import streamlit as st

from obs_core.clock import SECOND

NOT_MEASURED: Final = "\N{EN DASH}"
_MARKS: Final = re.compile(r"([\\`*_{}\[\]()#+.!|<>~$:-])")
ICON: Final = str(Path(__file__).with_name("web") / "icon.png")
"""The browser tab's picture: a file, since Streamlit would load one of its symbols from the network."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SMALL_COUNT: Final = 10_000
_LENGTHS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms"), (1e-3, "µs"))
_SIZES: Final = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def page_style() -> None:
    """Put on the page its style sheet, every colour for both themes, and what keeps the browser's history straight."""
    st.html(f"<style>{_web('page.css')}</style>")
    with st.container(key="obs_history"):
        st.html(f"<script>{_web('history.js')}</script>", unsafe_allow_javascript=True)


def heading(title: str, question: str | None = None) -> None:
    """The page's title with the question it answers under it."""
    st.html(
        f"<div class='obs-heading'><h1>{html.escape(title)}</h1>"
        f"<p>{html.escape((question or '').strip().partition(chr(10))[0])}</p></div>"
    )


def facts(pairs: Mapping[str, str]) -> str:
    """Names and values side by side, as HTML; both are escaped."""
    cells = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd title='{html.escape(value, quote=True)}'>{html.escape(value)}</dd></div>"
        for name, value in pairs.items()
    )
    return f"<dl class='obs-facts'>{cells}</dl>"


def count(number: float | None) -> str:
    """A whole number with separators: 1,234; a dash for what is not known."""
    return NOT_MEASURED if _unknown(number) else f"{number:,.0f}"


def rate(number: float | None) -> str:
    """A number per something with three significant digits: 12.3, 0.0451, 1,234."""
    return NOT_MEASURED if number is None or _unknown(number) else _three(number)


def share(fraction: float | None) -> str:
    """A fraction in percent with three significant digits at most: 3.4 %."""
    if fraction is None or _unknown(fraction):
        return NOT_MEASURED
    percent = fraction * 100
    return f"{percent:.3g} %" if 0 < abs(percent) < 10 else f"{percent:.1f} %" if percent % 1 else f"{percent:.0f} %"  # noqa: PLR2004 - below 10, digits after the point


def duration(ms: float | None) -> str:
    """A length of time, given in milliseconds, with three significant digits: 12.3 ms, 1.24 s, 3.5 h."""
    if ms is None or _unknown(ms):
        return NOT_MEASURED
    if ms == 0:
        return "0 ms"
    unit, name = next(((unit, name) for unit, name in _LENGTHS if abs(ms) >= unit), _LENGTHS[-1])
    return f"{_three(ms / unit)} {name}"


def size(number: float | None) -> str:
    """Bytes with three significant digits: 640 B, 1.24 MB."""
    if number is None or _unknown(number):
        return NOT_MEASURED
    unit, name = next(((unit, name) for unit, name in _SIZES if abs(number) >= unit), (1.0, "B"))
    return f"{_three(number / unit)} {name}"


def moment(ns: float | None, *, date: bool = True) -> str:
    """A moment in the reader's time zone with milliseconds: 2026-01-31 12:00:00.123, or without its `date`."""
    if ns is None or _unknown(ns):
        return NOT_MEASURED
    whole = int(ns)
    try:
        local = (_EPOCH + timedelta(seconds=whole // SECOND)).astimezone(zone())
    except OverflowError:
        return f"{whole} ns"
    millis = whole % SECOND // 1_000_000
    return f"{local:%Y-%m-%d %H:%M:%S}.{millis:03d}" if date else f"{local:%H:%M:%S}.{millis:03d}"


def brief(ns: float | None, now: float) -> str:
    """A moment in a narrow column: the time with milliseconds if it is of the day of `now`, else date and minute."""
    whole = moment(ns)
    return whole[11:] if whole[:10] == moment(now)[:10] else whole[:16]


def literal(text: str) -> str:
    """`text` for a Markdown element, with none of its characters taken for marks."""
    return _MARKS.sub(r"\\\1", text)


def number(value: object) -> float | None:
    """A cell as a number; None where there is none (null, NaN)."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def zone() -> tzinfo:
    """The reader's time zone as the browser tells it, UTC where it doesn't."""
    return _zone(st.context.timezone or "UTC")


def zone_name() -> str:
    """The name of the reader's time zone."""
    return str(zone())


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return UTC


@lru_cache(maxsize=2)
def _web(name: str) -> str:
    return resources.files("obs_core.ui").joinpath("web", name).read_text("utf-8")


def _three(number: float) -> str:
    """Three significant digits, never in powers of ten."""
    if abs(number) >= 100:  # noqa: PLR2004 - from 100 on, three digits are a whole number
        return f"{number:,.0f}"
    if number == 0:
        return "0"
    digits = min(9, max(0, 2 - math.floor(math.log10(abs(number)))))
    return f"{number:.{digits}f}"


def _unknown(number: float | None) -> bool:
    return number is None or not math.isfinite(number)
