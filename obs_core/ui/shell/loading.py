"""What a page shows while its first answers are on their way: empty cards below those that are drawn."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import streamlit as st

from obs_core.ui.shell.scope import PageScope

CARDS: Final = 3
_HTML: Final = "<div class='obs-skeletons' role='status' aria-label='Loading'>" + "<div></div>" * CARDS + "</div>"
_DRAWN: Final = "_obs_drawn"


@contextmanager
def skeleton(part: str, scope: PageScope) -> Iterator[None]:
    """Show empty cards until the block has drawn `part` for the first time in this window; not at a refresh.

    Each card of the block appears above them as its answer comes.
    """
    key = (part, scope.from_text, scope.to_text, scope.group)
    body, cards = st.container(), st.empty()
    if st.session_state.get(_DRAWN) != key:
        cards.html(_HTML)
    with body:
        yield
    cards.empty()
    st.session_state[_DRAWN] = key
