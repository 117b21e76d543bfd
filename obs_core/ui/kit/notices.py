"""Notices about an invalid link, shown until the reader dismisses them."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from obs_core.ui.kit.formatting import escape_markdown

ICON: Final = ":material/link_off:"


def show_notices(key: str, once: Sequence[str] = (), now: Sequence[str] = ()) -> None:
    """Show one notice with what was invalid `once` (already removed from the URL) and what is invalid `now`.

    A dismissed notice appears again when something else is invalid. `key` identifies the notice.
    """
    if once:
        st.session_state[key] = tuple(once)
    dismissed = st.session_state.get(f"{key}_dismissed", ())
    messages = (*st.session_state.get(key, ()), *(() if tuple(now) == dismissed else now))
    if not now:
        st.session_state.pop(f"{key}_dismissed", None)
    if messages:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}_notice"):
            st.warning(escape_markdown(" ".join(messages)), icon=ICON)
            st.button("Dismiss", key=f"{key}_dismiss", on_click=_dismiss, args=(key, tuple(now)))


def _dismiss(key: str, now: tuple[str, ...]) -> None:
    st.session_state.pop(key, None)
    st.session_state[f"{key}_dismissed"] = now
