"""Redaction: removes values that are secret by their name, and secrets inside texts.

Redaction happens before a frame enters the spool, so none of our files ever holds the secret.
"""

import re
from functools import cached_property
from typing import Final

REDACTED: Final = "[redacted]"
DEFAULT_NAMES: Final = (
    r"passw(?:or)?d|passphrase|pwd|secret|token(?!s|i[sz])|authori[sz]ation|credential|cookie"
    r"|api[_-]?key|private[_-]?key|access[_-]?key|session[_-]?id"
)
"""Names of secrets: matched anywhere in the name of a value, an argument, a key or a field."""

_SIGNS: Final = ("passw", "passphrase", "pwd", "secret", "token", "authori", "credential", "cookie", "key", "session")
"""Each default name contains one of these: searching them first takes 2 % of the regular expression's time."""

_KNOWN_NAMES: Final = 10_000


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
        self._signs = _SIGNS if names == DEFAULT_NAMES else ("",)
        self._pattern = names or r"(?!)"
        self.harmless: set[object] = set()  # cache of names that are not secret: one look-up instead of a search

    # compiled when first needed: together they take 1.5 ms, more than the import of all other modules of capture

    @cached_property
    def _name(self) -> re.Pattern[str]:
        return re.compile(self._pattern, re.IGNORECASE)

    @cached_property
    def _function(self) -> re.Pattern[str]:
        return re.compile(rf"(?:{self._pattern})$", re.IGNORECASE)

    @cached_property
    def _inside(self) -> re.Pattern[str]:
        """The forms name: value, name=value, "name": "value" and Authorization: Bearer value."""
        return re.compile(
            rf"(?P<name>(?<![\w.-])[\w.-]*(?:{self._pattern})[\w.-]*+[\"']?\s*+(?:=>|[:=])\s*)"
            r"(?P<value>\[redacted\]|(?:bearer|basic|digest)\s+[^\s,;\"']+|\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|[^\s,;)}\]]+)",
            re.IGNORECASE,
        )

    @cached_property
    def _address(self) -> re.Pattern[str]:
        """The form ://user:secret@ in addresses."""
        return re.compile(r"(?P<start>\w://[^\s/:@]*:)[^\s/@]+(?=@)")

    def hides(self, name: object) -> bool:
        """Whether a value with this name is secret."""
        if type(name) is bytes:
            name = name.decode("utf-8", "replace")
        if type(name) is not str or name in self.harmless:  # keys of other types may run their own __hash__
            return False
        if self._name.search(name):
            return True
        if len(self.harmless) < _KNOWN_NAMES and len(name) <= 64:  # noqa: PLR2004 - longer keys are data, not names
            self.harmless.add(name)
        return False

    def hides_result_of(self, function: str) -> bool:
        """Whether the result of a function with this name is secret: yes for `make_token`, no for `token_count`."""
        return self._function.search(function) is not None

    def may_contain_secret(self, text: str) -> bool:
        """Whether `text` may contain the name of a secret; a fast check before the full search."""
        lower = text.lower()
        return any(sign in lower for sign in self._signs)

    def scrubbed(self, text: str) -> str:
        """`text` with the values of secret names replaced by `[redacted]`."""
        if ":" not in text and "=" not in text:
            return text
        if self.may_contain_secret(text):
            text = self._inside.sub(rf"\g<name>{REDACTED}", text)
        return self._address.sub(rf"\g<start>{REDACTED}", text) if "://" in text else text
