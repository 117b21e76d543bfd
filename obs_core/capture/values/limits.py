"""The limits of recorded values: the longest text, the cut of longer ones, and redaction."""

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
    """A text that is not compared, redacted and within the cap; a cut one ends with an ellipsis and has its length."""
    cap = rules.cap
    if len(text) <= cap:
        return {"text": rules.redaction.scrubbed(text)}
    # 256 characters more than the cap are scrubbed, so that no half of a secret stays at the cut
    return {"text": rules.redaction.scrubbed(text[: cap + 256])[: cap - 1] + "…", "length": len(text)}


def redacted() -> tuple[None, dict[str, Any]]:
    """(None, the description that replaces a secret value)."""
    return None, {"type": "str", "text": REDACTED, "incomparable": True}
