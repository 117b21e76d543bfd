"""Tables that use the height of the screen: a style says how high, so that a higher window needs no rerun."""

import streamlit as st


def style(selector: str, content: int, lowest: int, above: int) -> None:
    """Make what `selector` selects as high as its `content`, but no higher than the screen less `above` pixels.

    It is at least `lowest` pixels high, if its content is.
    """
    height = f"min({content}px, max({lowest}px, calc(100vh - {above}px)))"
    st.html(f"<style>{selector} {{ flex: none; height: {height} !important; }}</style>")
