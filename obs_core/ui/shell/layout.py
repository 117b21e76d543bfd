"""The frame of every page: its style sheet, its heading and lists of details."""

import html
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from obs_core import theme

ICON: Final = str(Path(__file__).with_name("web") / "icon.png")
"""The icon of the browser tab: a file, since Streamlit would load a symbol from the network."""

_SCRIPTS: Final = ("history.js", "keys.js", "crosshair.js", "suggest.js", "scheme.js", "scroll.js")

_slot: ContextVar[DeltaGenerator | None] = ContextVar("_slot", default=None)


def page_style() -> None:
    """Add the style sheet, with the colours of both themes, and the script that keeps the browser history clean."""
    st.html(f"<style>{theme.css_variables()}{_web('page.css')}</style>")
    with st.container(key="obs_history"):
        scripts = "".join(f"<script>{_web(name)}</script>" for name in _SCRIPTS)
        st.html(scripts, unsafe_allow_javascript=True)


def title_slot(title: str) -> None:
    """Draw the title of the page where `heading` adds the question to it."""
    with st.container(key="obs_title"):
        slot = st.empty()
    _slot.set(slot)
    slot.html(_heading(title))


def heading(title: str, question: str | None = None) -> None:
    """Draw the title of the page with the question that it answers, in the head of the page."""
    (_slot.get() or st).html(_heading(title, (question or "").strip().partition("\n")[0]))


def _heading(title: str, question: str = "") -> str:
    return f"<div class='obs-heading'><h1>{html.escape(title)}</h1><p>{html.escape(question)}</p></div>"


def detail_list(pairs: Mapping[str, str]) -> str:
    """Return names and values as a list in HTML; both are escaped."""
    cells = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd title='{html.escape(value, quote=True)}'>{html.escape(value)}</dd></div>"
        for name, value in pairs.items()
    )
    return f"<dl class='obs-details'>{cells}</dl>"


@lru_cache(maxsize=8)
def _web(name: str) -> str:
    return resources.files("obs_core.ui.shell").joinpath("web", name).read_text("utf-8")
