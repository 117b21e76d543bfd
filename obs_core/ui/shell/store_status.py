"""What pages say of a store (`OBS_STORE`): that it is away, and what belongs to this server's own log."""

from typing import Final

import streamlit as st

from obs_core.errors import ObsError
from obs_core.settings import log_path, store_url
from obs_core.ui.kit import formatting
from obs_core.ui.kit.auto_refresh import auto_refresh
from obs_core.ui.shell.answers import engine

AGAIN_S: Final = 1.0


def address() -> str:
    """Where the store is, without its password; empty if the setting is not a store."""
    try:
        return engine().address
    except ObsError:
        return ""


def draw_if_away() -> bool:
    """Return whether there is a store that does not answer; then say so, and run this part again in a second."""
    if not store_url():
        return False
    try:
        engine().version()
    except ObsError as error:
        st.warning(formatting.escape_markdown(f"{error.message} {error.hint}".strip()), icon=":material/cloud_off:")
        auto_refresh(AGAIN_S)
        return True
    return False


def own_log_note(what: str) -> None:
    """Say that `what` (a plural) uses this server's own log, if the pages show a store."""
    if store_url():
        text = f"{what} use this server's own log, {log_path().absolute()}; the pages show {address()}."
        st.caption(f":material/info: {formatting.escape_markdown(text)}")
