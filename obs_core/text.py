"""Text that UTF-8 and the log can hold."""

import re
from typing import Final

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` without half characters (lone surrogates), which no UTF-8 can hold."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def cleaned(text: object) -> str | None:
    """What is said, as text without half characters; None where nothing is."""
    return clean(str(text)) if text else None
