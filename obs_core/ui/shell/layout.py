"""The frame of every page: its heading, its style, and how numbers and moments are written."""

import html
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final

import streamlit as st

ICON: Final = str(Path(__file__).with_name("web") / "icon.png")
"""The browser tab's picture: a file, since Streamlit would load one of its symbols from the network."""


def page_style() -> None:
    """Put on the page its style sheet, every colour for both themes, and what keeps the browser's history straight."""
    st.html(f"<style>{_web('page.css')}</style>")
    with st.container(key="obs_history"):
        st.html(f"<script>{_web('history.js')}</script>", unsafe_allow_javascript=True)


def heading(title: str, question: str | None = None) -> None:
    """The page's title with the question it answers under it."""
    st.html(
        f"<div class='obs-heading'><h1>{html.escape(title)}</h1>"
        f"<p>{html.escape((question or '').strip().partition(chr(10))[0])}</p></div>"
    )


def detail_list(pairs: Mapping[str, str]) -> str:
    """Names and values side by side, as HTML; both are escaped."""
    cells = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd title='{html.escape(value, quote=True)}'>{html.escape(value)}</dd></div>"
        for name, value in pairs.items()
    )
    return f"<dl class='obs-facts'>{cells}</dl>"


@lru_cache(maxsize=2)
def _web(name: str) -> str:
    return resources.files("obs_core.ui.shell").joinpath("web", name).read_text("utf-8")
