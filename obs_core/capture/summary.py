"""Descriptions of values that are no plain data, without importing the libraries they come from."""

import hashlib
from itertools import islice
from typing import Final

from obs_core.capture.describe import cut, rules
from obs_core.capture.redact import REDACTED

_WHOLE: Final = 256 * 1024  # characters hashed in full; of a longer text a sample is, within 1 ms
_PIECE: Final = 4096


def description(value: object) -> dict[str, object]:
    """The type and text of `value`; never raises."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a repr may raise anything, and the program must not notice
        text = f"<repr raised {type(error).__name__}>"
    return {"type": type(value).__name__, **cut(text)}


def text_hash(text: str) -> str:
    """SHA-256 (first 32 digits) of `text`; of one beyond 256 Ki characters, of its length and 64 pieces of it."""
    if len(text) > _WHOLE:
        step = len(text) // 64
        pieces = (text[start : start + _PIECE] for start in islice(range(0, len(text), step), 64))
        text = f"{len(text)}\0{text[-_PIECE:]}{''.join(pieces)}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


__all__ = ["REDACTED", "description", "rules", "text_hash"]
