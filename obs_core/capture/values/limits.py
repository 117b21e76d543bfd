"""The limits for recorded values: how long a text may be, how longer ones are cut and hashed, what is redacted."""

from itertools import islice
from typing import Any, Final

from obs_core.capture.values.redact import REDACTED, Redaction

TEXT_CAP: Final = 4096


class Rules:
    """What holds for describing values: the length cap and the redaction in force."""

    __slots__ = ("cap", "foreign_repr", "redaction")

    def __init__(self) -> None:
        """The defaults."""
        self.cap = TEXT_CAP
        self.redaction = Redaction()
        self.foreign_repr = False


rules: Final = Rules()


def cut(text: str) -> dict[str, Any]:
    """`text` within the cap and scrubbed of secrets; where it was cut, an ellipsis marks it, with length and hash."""
    cap = rules.cap
    if len(text) <= cap:
        return {"text": rules.redaction.scrubbed(text)}
    # a little more than the cap is scrubbed, so that no half of a secret stays at the edge
    kept = rules.redaction.scrubbed(text[: cap + 256])[: cap - 1]
    return {"text": kept + "…", "length": len(text), "hash": text_hash(text)}


def redacted() -> tuple[None, dict[str, Any]]:
    """What stands in the place of a secret value."""
    return None, {"type": "str", "text": REDACTED}


HASHED_IN_FULL: Final = 256 * 1024  # characters hashed in full; of a longer text 64 pieces are, within 1 ms
PIECE: Final = 4096


def text_hash(text: str) -> str:
    """SHA-256 (first 32 digits) of `text`; of one beyond 256 Ki characters, of its length and 64 pieces of it."""
    if len(text) > HASHED_IN_FULL:
        step = len(text) // 64
        pieces = (text[start : start + PIECE] for start in islice(range(0, len(text), step), 64))
        text = f"{len(text)}\0{text[-PIECE:]}{''.join(pieces)}"
    return digest(text.encode("utf-8", "surrogatepass"))


def digest(data: bytes | memoryview) -> str:
    """SHA-256 of `data`, the first 32 hex digits."""
    import hashlib  # noqa: PLC0415 - only where something is cut: most programs never load it

    return hashlib.sha256(data).hexdigest()[:32]
