"""Redaction: removes values that are secret by their name, and secrets inside texts.

Redaction happens before a frame enters the spool, so none of our files ever holds the secret.
"""

import re
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from obs_core.capture.values import secret_shapes
from obs_core.capture.values.secret_shapes import LONGEST_NAME, REDACTED, may_contain

__all__ = ["DEFAULT_NAMES", "REDACTED", "Redaction", "may_contain"]

DEFAULT_NAMES: Final = (
    r"passw(?:or)?d|passphrase|pwd|secret|token(?!s|i[sz])|authori[sz]ation|credential|cookie"
    r"|api[_-]?key|private[_-]?key|access[_-]?key|session[_-]?id"
)
"""Names of secrets: matched anywhere in the name of a value, an argument, a key or a field."""

_KNOWN_NAMES: Final = 10_000
_PAIR: Final = 2
_NAME: Final = re.compile(r"\w[\w.-]*+\Z")
_HEAD: Final = slice(LONGEST_NAME + 1)  # of a name: a long text is data, and is not copied
_LABELS: Final = ("name", "key", "header")


class Redaction:
    """The patterns for secret names and for secrets inside longer texts."""

    def __init__(self, names: str = DEFAULT_NAMES) -> None:
        """Use the regular expression `names`, ignoring case; an empty one redacts nothing.

        Raises:
            re.error: `names` is not a valid regular expression.
        """
        if names != DEFAULT_NAMES:
            re.compile(names)
        self.names = names
        self._has_default_names = names == DEFAULT_NAMES
        self._pattern = names or r"(?!)"
        self.harmless: set[object] = set()  # cache of names that are not secret: one look-up instead of a search

    # compiled when first needed: together they take 1.5 ms, more than the import of all other modules of capture

    @cached_property
    def _name(self) -> re.Pattern[str]:
        return re.compile(self._pattern, re.IGNORECASE)

    @cached_property
    def _function(self) -> re.Pattern[str]:
        return re.compile(rf"(?:{self._pattern})$", re.IGNORECASE)

    def hides(self, name: object) -> bool:
        """Whether a value with this name is secret; a name may also be bytes, or a member of an Enum."""
        text = name if type(name) is str else plain_name(name)
        if text is None or text in self.harmless:
            return False
        if self._name.search(text[:LONGEST_NAME]):
            return True
        if len(self.harmless) < _KNOWN_NAMES and len(text) <= 64:  # noqa: PLR2004 - longer keys are data, not names
            self.harmless.add(text)
        return False

    def hides_after(self, item: object, count: int) -> bool:
        """Whether the next item of a sequence is secret: after `--password`, or in a pair of name and value.

        `count` is the number of items of the sequence.
        """
        name = plain_name(item)
        if name is None or len(name) > LONGEST_NAME:
            return False
        if name[:1] == "-":
            return "=" not in name and self.hides(name)
        return count == _PAIR and _NAME.match(name) is not None and self.hides(name)

    def hides_labelled(self, fields: Mapping[str, Any]) -> bool:
        """Whether the field `value` is secret, because another one is its name: {"name": "cookie", "value": …}."""
        return "value" in fields and any(self.hides(fields[label]) for label in _LABELS if label in fields)

    def hides_result_of(self, function: str) -> bool:
        """Whether the result of a function with this name is secret: yes for `make_token`, no for `token_count`."""
        return self._function.search(function) is not None

    def may_contain_secret(self, text: str) -> bool:
        """Whether `text` may contain the name of a secret; a fast check before the full search."""
        if not self._has_default_names:
            return True
        # Each default name contains one of these, which take 2 % of the regular expression's time, and a loop 6 %.
        low = text.lower()
        return (
            ("key" in low or "token" in low or "session" in low or "passw" in low or "secret" in low)
            or ("authori" in low or "cookie" in low or "credential" in low or "pwd" in low)
            or "passphrase" in low
        )

    def scrubbed(self, text: str) -> str:
        """`text` with the values of secret names replaced by `[redacted]`, in all shapes of `secret_shapes`."""
        if not may_contain(text) or not self.names:
            return text
        if self.may_contain_secret(text):
            text = secret_shapes.scrubbed(text, self.hides)
        return secret_shapes.scrubbed_anywhere(text)

    def without_literals(self, source: str) -> str:
        """Source code without the literals of secret names and without secrets inside literals and comments."""
        if not self.names or not (self.may_contain_secret(source) or may_contain(source)):
            return source
        from obs_core.capture.values.source_literals import without_secrets  # noqa: PLC0415 - only the drain needs it

        return without_secrets(source, self)


def plain_name(name: Any) -> str | None:  # noqa: ANN401 - any key
    """A name as text: a text or one of a subclass, bytes, a member of an Enum; None for other keys.

    Nothing of the program runs: keys of other types may have a __hash__ or __str__ of their own.
    """
    kind = type(name)
    if kind is str:
        return str(name)
    enum = sys.modules.get("enum")
    if enum is not None and issubclass(kind, enum.Enum):
        label, value = (object.__getattribute__(name, part) for part in ("_name_", "_value_"))
        return f"{label} {value}" if type(value) is str else str(label)
    if issubclass(kind, str):
        return str.__getitem__(name, _HEAD)
    if issubclass(kind, bytes):
        return bytes.__getitem__(name, _HEAD).decode("utf-8", "replace")
    return None


def cleared(part: Any, redaction: Redaction) -> Any:  # noqa: ANN401 - JSON
    """JSON without secrets: by the names of its objects, in lists of arguments and pairs, and inside its texts."""
    if isinstance(part, dict):
        labelled = redaction.hides_labelled(part)
        return {
            _cleared_name(name, redaction): REDACTED
            if (redaction.hides(name) and item) or (labelled and name == "value")
            else cleared(item, redaction)
            for name, item in part.items()
        }
    if isinstance(part, list | tuple):
        hidden, items = False, []
        for item in part:
            items.append(REDACTED if hidden and not _is_option(item) else cleared(item, redaction))
            hidden = redaction.hides_after(item, len(part))
        return items
    return redaction.scrubbed(part) if isinstance(part, str) else part


def _cleared_name(name: Any, redaction: Redaction) -> Any:  # noqa: ANN401 - a key of JSON
    return redaction.scrubbed(name) if type(name) is str else name


def _is_option(item: object) -> bool:
    return isinstance(item, str) and item.startswith("-")
