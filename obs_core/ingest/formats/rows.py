"""Shared by all formats: ids, numbers and JSON text that the log can hold, and refused parts of a file."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from obs_core.text import clean, finite, json_text

_HEX: Final = re.compile(r"[0-9a-f]+")
_LONGEST_ID: Final = 200
_DECIMAL: Final = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)
_LARGEST_EXPONENT: Final = 30
_NO_TIME: Final = (None, 0, "", "0")
MOST_NS: Final = 2**63 - 1

for_hash: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode
"""Plain data as text to be hashed, which may have bare NaN."""


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
    if type(value) is str and len(value) == length:
        try:  # half the time of the regular expression
            if len(bytes.fromhex(value)) * 2 == length and value.strip("0"):  # which skips spaces
                return value.lower()
        except ValueError:
            return None
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
    """`value` as a 64-bit integer, also if it is written as text or with an exponent; None if it is not one."""
    return to_ns(value, exactly=True)


def to_ns(value: object, unit: int = 1, *, exactly: bool = False) -> int | None:
    """A number of units, each of `unit` nanoseconds, in nanoseconds; text, fractions and exponents are read.

    None if it is not a number, or if the log can't hold it; also, with `exactly`, if it is not a whole number.
    """
    kind = type(value)
    if kind is not int:
        if kind is not str and kind is not float:
            return None
        try:
            number = int(value) * unit if kind is str and "_" not in value else None  # type: ignore[call-overload, operator]
        except ValueError:
            number = None
        value, unit = (_decimal(value, unit, exactly) if number is None else number), 1
        if value is None:
            return None
    number = value * unit  # type: ignore[operator]
    return number if -MOST_NS - 1 <= number <= MOST_NS else None


def _decimal(value: Any, unit: int, exactly: bool) -> int | None:  # noqa: ANN401, FBT001 - a text or a float
    text = str(value).strip()
    if not _DECIMAL.fullmatch(text):
        return None
    number = Decimal(text)
    if number.adjusted() > _LARGEST_EXPONENT:
        return None
    number *= unit
    return None if exactly and number != number.to_integral_value() else int(number)


def no_time(what: str, name: object, time: object = None) -> str:
    """Why a part with this time is refused: it has none, which formats also write as 0, or one that can't be read."""
    named = f"{name or 'without a name'!s:.80}"
    if time in _NO_TIME:
        return f"a {what} without a time: {named}"
    return f"a {what} with a time that can't be read: {named}, {time!s:.40}"


def as_json(parts: Mapping[str, Any]) -> str | None:
    """The parts that are not empty, as JSON for the column attributes."""
    filled = {name: part for name, part in parts.items() if part}
    return clean(json_text(filled)) if filled else None


def text_of(value: object) -> str:
    """A plain value as the column Data Value shows it."""
    if isinstance(value, float):
        value = finite(value)
    return value if isinstance(value, str) else clean(json_text(value))
