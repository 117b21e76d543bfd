"""Suggestions while a reader types: the server sends the best matches after each pause, the browser lists them.

The list is the field's own (`<datalist>`; `shell/web/suggest.js` connects them), so anything else can be typed as well.
"""

import html
from collections.abc import Iterable
from itertools import islice
from typing import Final

import streamlit as st

from obs_core.ui.kit.text import plain

MOST: Final = 50
LIVE: Final = "100ms"
"""The pause after which a field reports what was typed."""

_LONGEST: Final = 300  # characters of a suggestion


def best(texts: Iterable[str], typed: str) -> list[str]:
    """Return the first `MOST` of `texts` that contain `typed`, ignoring case; those that begin with it come first.

    Texts that would not be displayed as they are, such as those with line ends, are left out.
    """
    needle = typed.strip().casefold()
    matching = [text for text in dict.fromkeys(texts) if needle in text.casefold()]
    matching.sort(key=lambda text: not text.casefold().startswith(needle))
    return list(islice((text for text in matching if text and plain(text, _LONGEST) == text), MOST))


def offer(key: str, texts: Iterable[str]) -> None:
    """List `texts` under the field `key` while it has the focus."""
    options = "".join(f'<option value="{html.escape(text, quote=True)}"></option>' for text in texts)
    st.html(f'<datalist id="obs-suggest-{key}">{options}</datalist>')
