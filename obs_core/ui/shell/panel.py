"""Panels: the cards of a page. An error inside a panel is shown there, and the page continues."""

import html
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

import streamlit as st
from streamlit.errors import StreamlitDuplicateElementKey

from obs_core.errors import ObsError
from obs_core.ui.shell import pause, rule_suggestions
from obs_core.ui.shell.cached_query import Question

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
    """Draw a bordered card with `title` and a quiet `note`; an error of the block is shown in the card.

    After an error nothing that the block should have bound is there: bind it before (tests/ui/test_boundaries.py).
    The style sheet refers to the card by its `key`. `suggestions` are rules that fit its content (see
    `rule_suggestions.draw`, also for `fill`); there are none if the block failed.
    """
    with st.container(border=True, key=key):
        head = st.container(horizontal=True, vertical_alignment="center", gap="xsmall")
        heading = f"<div class='obs-title'><h2>{html.escape(title)}</h2><span>{html.escape(note)}</span></div>"
        head.html(heading, width="stretch")
        is_drawn = False
        with boundary(title):
            yield
            is_drawn = True
        if suggestions is not None and is_drawn:
            with head:
                suggest_rules(title, suggestions, fill)


def suggest_rules(
    title: str, suggestions: rule_suggestions.Suggestions, fill: rule_suggestions.Fill | None = None
) -> None:
    """Draw the rules that fit what is shown; none if the log can't answer, which the panel itself reports."""
    with boundary(title), suppress(ObsError):
        rule_suggestions.draw(suggestions(), fill)


@contextmanager
def boundary(title: str) -> Iterator[None]:
    """Show an error of the block as one sentence; an unexpected one is also logged to the server's output."""
    try:
        yield
    except ObsError as error:
        report(title, f"{error.message} {error.hint}".strip())
    except Exception:  # noqa: BLE001 - an error in one card must not stop the page
        _log.exception("The panel %s failed.", title)
        report(
            title,
            f"“{title}” can't be shown because of an error in this program. "
            "See the server's output; the rest of the page is not affected.",
        )


def report(title: str, text: str) -> None:
    """Say what went wrong in the part `title` of the page, and offer to try again."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.warning(text, icon=":material/error:")
        retry_button(title)


def retry_button(title: str, *forgotten: Question) -> None:
    """Draw a button that runs the page again, without the answers to the questions `forgotten`.

    An error is never kept as an answer, but an answer may lack what took too long. Several parts of a page may have the
    same title.
    """
    for number in count():
        with suppress(StreamlitDuplicateElementKey):
            key = f"obs_retry {title} {number}"
            icon, hover = ":material/refresh:", f"Ask “{title}” again"
            st.button("Retry", key=key, icon=icon, help=hover, on_click=pause.forget, args=forgotten)
            return
