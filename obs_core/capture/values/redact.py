"""What may not reach the log: values whose name, or whose text, says that they are secret.

Redaction happens before a row enters the spool, so no file of ours ever holds the secret.
"""

import re
from functools import cached_property
from typing import Final

REDACTED: Final = "[redacted]"
DEFAULT_NAMES: Final = (
    r"passw(?:or)?d|passphrase|pwd|secret|token(?!s|i[sz])|authori[sz]ation|credential|cookie"
    r"|api[_-]?key|private[_-]?key|access[_-]?key|session[_-]?id"
)
"""Names that mark a secret, wherever they stand in the name of a value, an argument, a key or a field."""

_SIGNS: Final = ("passw", "passphrase", "pwd", "secret", "token", "authori", "credential", "cookie", "key", "session")
"""One of these stands in every default name: looking for them first takes 2 % of the regular expression's time."""

_KNOWN_NAMES: Final = 10_000


class Redaction:
    """The patterns in force: which names are secret, and how a secret inside a longer text is found."""

    def __init__(self, names: str = DEFAULT_NAMES) -> None:
        """Use the regular expression `names`, ignoring case; an empty one redacts nothing.

        Raises:
            re.error: `names` is no regular expression.
        """
        if names != DEFAULT_NAMES:
            re.compile(names)
        self.names = names
        self._signs = _SIGNS if names == DEFAULT_NAMES else ("",)
        self._pattern = names or r"(?!)"
        self.harmless: set[object] = set()  # names seen before that mark no secret: one look-up instead of a search

    # compiled when first needed: together they take 1.5 ms, more than the import of this whole room without them

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
        """Whether a value of this name is secret."""
        if type(name) is bytes:
            name = name.decode("utf-8", "replace")
        if type(name) is not str or name in self.harmless:  # other kinds of key have hash methods of their own
            return False
        if self._name.search(name):
            return True
        if len(self.harmless) < _KNOWN_NAMES and len(name) <= 64:  # noqa: PLR2004 - longer keys are data, not names
            self.harmless.add(name)
        return False

    def hides_result_of(self, function: str) -> bool:
        """Whether what a function of this name returns is secret: `make_token` does, `token_count` does not."""
        return self._function.search(function) is not None

    def suspects(self, text: str) -> bool:
        """Whether a telling name may stand in `text`; a quick look before a thorough one."""
        lower = text.lower()
        return any(sign in lower for sign in self._signs)

    def scrubbed(self, text: str) -> str:
        """`text` with the secrets taken out that stand beside a telling name."""
        if ":" not in text and "=" not in text:
            return text
        if self.suspects(text):
            text = self._inside.sub(rf"\g<name>{REDACTED}", text)
        return self._address.sub(rf"\g<start>{REDACTED}", text) if "://" in text else text
