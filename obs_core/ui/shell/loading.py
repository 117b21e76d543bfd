"""What a page shows while its first answers are on their way: empty cards below those that are drawn, or for each.

A page that draws its parts in another order than it shows them (`by_cost`) has an empty card for each part.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from obs_core.ui.shell.scope import PageScope

CARDS: Final = 3
_HTML: Final = "<div class='obs-skeletons' role='status' aria-label='Loading'>{}</div>"
_DRAWN: Final = "_obs_drawn"
_cards: ContextVar[DeltaGenerator | None] = ContextVar("_cards", default=None)


@contextmanager
def skeleton(part: str, scope: PageScope) -> Iterator[None]:
    """Show empty cards until the block has drawn `part` for the first time in this window; not at a refresh.

    Each card of the block appears above them as its answer comes.
    """
    key = (part, scope.from_text, scope.to_text, scope.group)
    body = st.container()
    if st.session_state.get(_DRAWN) == key:
        with body:
            yield
        return
    cards = st.empty()
    cards.html(_HTML.format("<div></div>" * CARDS))
    token = _cards.set(cards)
    try:
        with body:
            yield
    finally:
        _cards.reset(token)
    cards.empty()
    st.session_state[_DRAWN] = key


def card_in(container: DeltaGenerator) -> tuple[DeltaGenerator, DeltaGenerator | None]:
    """Return where to draw a part of a page in `container`, and the empty card that is to be emptied after that.

    The card is there at the first run only, in place of the cards of `skeleton`.
    """
    body = container.container()
    if (cards := _cards.get()) is None:
        return body, None
    card = container.empty()
    card.html(_HTML.format("<div></div>"))
    cards.empty()
    return body, card
