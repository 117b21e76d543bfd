"""Text that can be encoded as UTF-8 and stored in the log."""

import re
from typing import Final

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` with lone surrogates, which UTF-8 can't encode, replaced by U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def cleaned(text: object) -> str | None:
    """`text` as a string without lone surrogates; None if it is empty or None."""
    return clean(str(text)) if text else None
