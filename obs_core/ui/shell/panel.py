"""A card of a page. What goes wrong inside is said inside, and the page goes on."""

import html
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import streamlit as st

from obs_core.errors import ObsError
from obs_core.ui.shell import rule_suggestions

_log = logging.getLogger(__name__)


@contextmanager
def panel(
    title: str,
    note: str = "",
    *,
    key: str | None = None,
    suggestions: rule_suggestions.Suggestions | None = None,
    fill: rule_suggestions.Fill | None = None,
) -> Iterator[None]:
    """A bordered card with `title`, and `note` quietly beside it; an error of the block is shown in the card.

    The style sheet knows the card by its `key`. `suggestions` are the rules that can be made of what it shows (see
    `rule_suggestions.draw`, also for `fill`).
    """
    with st.container(border=True, key=key):
        head = st.container(horizontal=True, vertical_alignment="center", gap="xsmall")
        heading = f"<div class='obs-title'><h2>{html.escape(title)}</h2><span>{html.escape(note)}</span></div>"
        head.html(heading, width="stretch")
        with boundary(title):
            yield
        if suggestions is not None:
            with head:
                suggest_rules(title, suggestions, fill)


def suggest_rules(
    title: str, suggestions: rule_suggestions.Suggestions, fill: rule_suggestions.Fill | None = None
) -> None:
    """Draw the rules that can be made of what is shown; none where that can't be answered, which its panel says."""
    with boundary(title), suppress(ObsError):
        rule_suggestions.draw(suggestions(), fill)


@contextmanager
def boundary(title: str) -> Iterator[None]:
    """Say in a sentence what went wrong in the block; what nobody foresaw goes to the server's output too."""
    try:
        yield
    except ObsError as error:
        st.warning(f"{error.message} {error.hint}".strip(), icon=":material/error:")
    except Exception:  # noqa: BLE001 - whatever goes wrong in one card, the page goes on
        _log.exception("The panel %s failed.", title)
        st.warning(
            f"“{title}” can't be shown because of an error in this program. "
            "The server's output says which; the rest of the page is not affected.",
            icon=":material/error:",
        )
