"""What a value looked like: its type and a text of it, within caps of size and time.

Plain data (numbers, short texts, small flat containers) goes into the frame as it is, which costs a fraction of its
`repr`; the drain writes its text later. Everything else is described at once.
"""

from typing import Final

from obs_core.capture.redact import REDACTED, Redaction

TEXT_CAP: Final = 4096
FEW: Final = 16  # entries of a container that travels as plain data
_SHORT: Final = 200  # characters of a text inside such a container
_LARGE: Final = 1 << 63
_SCALARS: Final = frozenset({float, bool, type(None)})


class Rules:
    """What holds for describing values: the length cap and the redaction in force."""

    __slots__ = ("cap", "redaction")

    def __init__(self) -> None:
        """The defaults."""
        self.cap = TEXT_CAP
        self.redaction = Redaction()


rules: Final = Rules()


def packed(value: object) -> tuple[object, dict[str, object] | None]:
    """(`value`, None) if it is plain data, else (None, its description)."""
    kind = type(value)
    if kind in _SCALARS or _is_plain(value):
        return value, None
    if kind is dict and len(value) <= FEW:  # type: ignore[arg-type]
        harmless = rules.redaction.harmless
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str or (key not in harmless and rules.redaction.hides(key)):
                break
            if type(item) not in _SCALARS and not _is_plain(item):
                break
        else:
            return value, None
    elif kind in (list, tuple) and len(value) <= FEW:  # type: ignore[arg-type]
        if all(type(item) in _SCALARS or _is_plain(item) for item in value):  # type: ignore[attr-defined]
            return value, None
    elif kind is str:
        return _packed_text(str(value))
    from obs_core.capture import summary  # noqa: PLC0415 - most programs return plain data

    return None, summary.description(value)


def _packed_text(text: str) -> tuple[object, dict[str, object] | None]:
    if len(text) <= rules.cap:
        return rules.redaction.scrubbed(text), None
    return None, {"type": "str", **cut(text)}


def _is_plain(value: object) -> bool:
    kind = type(value)
    if kind is int:
        return -_LARGE <= value < _LARGE  # type: ignore[operator]
    return kind is str and len(value) <= _SHORT and ":" not in value and "=" not in value  # type: ignore[arg-type, operator]


def cut(text: str) -> dict[str, object]:
    """`text` within the cap and scrubbed of secrets; where it was cut, an ellipsis marks it, with length and hash."""
    cap = rules.cap
    if len(text) <= cap:
        return {"text": rules.redaction.scrubbed(text)}
    from obs_core.capture.summary import text_hash  # noqa: PLC0415 - hashlib only where something is cut

    # a little more than the cap is scrubbed, so that no half of a secret stays at the edge
    kept = rules.redaction.scrubbed(text[: cap + 256])[: cap - 1]
    return {"text": kept + "…", "length": len(text), "hash": text_hash(text)}


def redacted() -> tuple[None, dict[str, object]]:
    """What stands in the place of a secret value."""
    return None, {"type": "str", "text": REDACTED}
