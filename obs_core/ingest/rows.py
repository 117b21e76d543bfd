"""What all formats share: text that the log can hold, ids, and rows that had to be refused."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_HEX: Final = re.compile(r"[0-9a-f]+")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
MOST_NS: Final = 2**63 - 1


class Refused(NamedTuple):
    """A part of a file that became no row: its line (from 1), and why."""

    line: int
    why: str


def clean(text: str) -> str:
    """`text` without half characters (lone surrogates), which no UTF-8 can hold."""
    return _SURROGATE.sub("\ufffd", text) if not text.isascii() else text


def hex_id(value: object, length: int) -> str | None:
    """`value` as an id of `length` lower-case hex digits; None if it is none, or all zero (W3C Trace Context 2.3)."""
    text = str(value or "").strip().lower()
    if len(text) != length or not _HEX.fullmatch(text) or not text.strip("0"):
        return None
    return text


def hashed_id(*parts: object) -> str:
    """16 hex digits that are the same whenever `parts` are, for rows whose source gives them no id."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def whole(value: object) -> int | None:
    """`value` as a whole number of 64 bits, also where it is written as text; None if it is none."""
    try:
        number = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if -MOST_NS - 1 <= number <= MOST_NS else None


def as_json(parts: Mapping[str, Any]) -> str | None:
    """The parts that hold something, as the column attributes keeps them."""
    kept = {name: part for name, part in parts.items() if part}
    return clean(json.dumps(kept, ensure_ascii=False, default=str)) if kept else None
