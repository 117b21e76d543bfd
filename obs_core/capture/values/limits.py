"""The limits of recorded values: the longest text, the cut and hash of longer ones, and redaction."""

from itertools import islice
from typing import Any, Final

from obs_core.capture.values.redact import REDACTED, Redaction

TEXT_CAP: Final = 4096


class Rules:
    """The current limits: the longest text in characters, the redaction, and whether foreign `repr`s are called."""

    __slots__ = ("cap", "foreign_repr", "redaction")

    def __init__(self) -> None:
        """Start with the defaults."""
        self.cap = TEXT_CAP
        self.redaction = Redaction()
        self.foreign_repr = False


rules: Final = Rules()


def cut(text: str) -> dict[str, Any]:
    """`text` redacted and within the cap; a cut text ends with an ellipsis and has its length and hash."""
    cap = rules.cap
    if len(text) <= cap:
        return {"text": rules.redaction.scrubbed(text)}
    # 256 characters more than the cap are scrubbed, so that no half of a secret stays at the cut
    shortened = rules.redaction.scrubbed(text[: cap + 256])[: cap - 1]
    return {"text": shortened + "…", "length": len(text), "hash": text_hash(text)}


def redacted() -> tuple[None, dict[str, Any]]:
    """(None, the description that replaces a secret value)."""
    return None, {"type": "str", "text": REDACTED}


HASHED_IN_FULL: Final = 256 * 1024  # characters hashed in full; of a longer text 64 pieces are hashed, within 1 ms
PIECE: Final = 4096


def text_hash(text: str) -> str:
    """SHA-256 (first 32 digits) of `text`; beyond 256 Ki characters, of its length and 64 pieces."""
    if len(text) > HASHED_IN_FULL:
        step = len(text) // 64
        pieces = (text[start : start + PIECE] for start in islice(range(0, len(text), step), 64))
        text = f"{len(text)}\0{text[-PIECE:]}{''.join(pieces)}"
    return digest(text.encode("utf-8", "surrogatepass"))


def digest(data: bytes | memoryview) -> str:
    """SHA-256 of `data`, the first 32 hex digits."""
    import hashlib  # noqa: PLC0415 - only if something is cut: most programs never load it

    return hashlib.sha256(data).hexdigest()[:32]
