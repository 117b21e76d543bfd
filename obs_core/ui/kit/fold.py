"""Filters that are folded on a phone: one line that says which are on, and opens on a tap."""

from collections.abc import Iterable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from obs_core.ui.kit.text import css_string
from obs_core.ui.kit.width import is_narrow


def foldable(texts: Iterable[str], *, key: str, horizontal: bool = False) -> DeltaGenerator:
    """Return where to draw filters: a container, `horizontal` or not; on a narrow page under a line with `texts`."""
    if is_narrow():
        # Not in the label: an expander with another label is another one, which is closed.
        text = css_string("".join(f" · {text}" for text in texts))
        st.html(f"<style>.st-key-{key} summary p::after {{ content: {text}; }}</style>")
        return st.expander("Filters", key=key, icon=":material/filter_alt:")
    return st.container(horizontal=horizontal, vertical_alignment="bottom", gap="small")


def value_of(key: str) -> object:
    """The value of a control that may not be drawn yet: that of the session, else that of the link, else None."""
    return st.session_state[key] if key in st.session_state else st.query_params.get(key)
