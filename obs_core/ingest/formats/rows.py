"""Shared by all formats: ids, numbers and JSON text that the log can hold, and refused parts of a file."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from obs_core.text import clean

_HEX: Final = re.compile(r"[0-9a-f]+")
_NOT_FINITE: Final = {math.inf: "Infinity", -math.inf: "-Infinity"}
_LONGEST_ID: Final = 200
MOST_NS: Final = 2**63 - 1

encoded: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode
"""Plain data as JSON text; one shared encoder, because `json.dumps` makes a new one at each call (1.4 µs)."""


class Refused(NamedTuple):
    """Parts of a file that are not stored: their line (from 1; 0: the whole file), why, and the member of an archive.

    `parts` is how many; 0 for a remark about parts that are stored.
    """

    line: int
    why: str
    member: str = ""
    parts: int = 1


def hex_id(value: object, length: int) -> str | None:
    """`value` as an id of `length` lower-case hex digits; None if it is not, or all zeros (W3C Trace Context 2.3)."""
    text = str(value or "").strip().lower()
    if len(text) != length or not _HEX.fullmatch(text) or not text.strip("0"):
        return None
    return text


def lenient_id(value: object, length: int) -> str | None:
    """`value` as an id: hex digits are lower-cased and padded on the left with zeros, other text stays as it is.

    Zipkin and Jaeger omit leading zeros, or write 64 of 128 bits; tests and old clients use names.
    """
    text = clean(str(value or "").strip())
    if not text or len(text) > _LONGEST_ID:
        return None
    lower = text.lower()
    if len(lower) > length or not _HEX.fullmatch(lower):
        return text
    return lower.rjust(length, "0") if lower.strip("0") else None


def to_int(value: object) -> int | None:
    """`value` as a 64-bit integer, also if it is written as text; None if it is not one."""
    try:
        number = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if -MOST_NS - 1 <= number <= MOST_NS else None


def finite(number: float) -> float | str:
    """`number`, or its name in OTLP's JSON (NaN, Infinity, -Infinity) if JSON has no number for it."""
    return number if math.isfinite(number) else _NOT_FINITE.get(number, "NaN")


def as_json(parts: Mapping[str, Any]) -> str | None:
    """The parts that are not empty, as JSON for the column attributes."""
    filled = {name: part for name, part in parts.items() if part}
    return clean(encoded(filled)) if filled else None


def text_of(value: object) -> str:
    """A plain value as the column Data Value shows it."""
    return value if isinstance(value, str) else clean(encoded(value))
