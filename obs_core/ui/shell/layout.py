"""The frame of every page: its style sheet, its heading and lists of details."""

import html
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final

import streamlit as st

from obs_core import theme

ICON: Final = str(Path(__file__).with_name("web") / "icon.png")
"""The icon of the browser tab: a file, since Streamlit would load a symbol from the network."""


def page_style() -> None:
    """Add the style sheet, with the colours of both themes, and the script that keeps the browser history clean."""
    st.html(f"<style>{theme.css_variables()}{_web('page.css')}</style>")
    with st.container(key="obs_history"):
        st.html(f"<script>{_web('history.js')}</script>", unsafe_allow_javascript=True)


def heading(title: str, question: str | None = None) -> None:
    """Draw the title of the page with the question that it answers."""
    st.html(
        f"<div class='obs-heading'><h1>{html.escape(title)}</h1>"
        f"<p>{html.escape((question or '').strip().partition(chr(10))[0])}</p></div>"
    )


def detail_list(pairs: Mapping[str, str]) -> str:
    """Return names and values as a list in HTML; both are escaped."""
    cells = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd title='{html.escape(value, quote=True)}'>{html.escape(value)}</dd></div>"
        for name, value in pairs.items()
    )
    return f"<dl class='obs-details'>{cells}</dl>"


@lru_cache(maxsize=2)
def _web(name: str) -> str:
    return resources.files("obs_core.ui.shell").joinpath("web", name).read_text("utf-8")
