"""What is wrong with a link, said until somebody dismisses it."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from obs_core.ui.kit.formatting import escape_markdown

ICON: Final = ":material/link_off:"


def show_notices(key: str, once: Sequence[str] = (), now: Sequence[str] = ()) -> None:
    """Say in one note what was wrong `once` (the URL is mended already) and what is wrong `now`.

    A dismissed note comes back when something else is wrong. `key` is the note's own.
    """
    if once:
        st.session_state[key] = tuple(once)
    dismissed = st.session_state.get(f"{key}_dismissed", ())
    said = (*st.session_state.get(key, ()), *(() if tuple(now) == dismissed else now))
    if not now:
        st.session_state.pop(f"{key}_dismissed", None)
    if said:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}_told"):
            st.warning(escape_markdown(" ".join(said)), icon=ICON)
            st.button("Dismiss", key=f"{key}_dismiss", on_click=_dismiss, args=(key, tuple(now)))


def _dismiss(key: str, now: tuple[str, ...]) -> None:
    st.session_state.pop(key, None)
    st.session_state[f"{key}_dismissed"] = now
