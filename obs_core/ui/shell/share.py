"""Links to share: a live one that moves with the clock, and a frozen one."""

from urllib.parse import urlencode

import streamlit as st

from obs_core.ui.shell import controls, pause, window_text
from obs_core.ui.shell.scope import PageScope


@st.fragment
def share(scope: PageScope | None = None, *, key: str = "obs_share") -> None:
    """Draw a button with both links to the current page; they open it with the same controls.

    The window is that of `scope`, or what the page shows when the button is opened.
    """
    with st.popover("Share", icon=":material/link:", key=key, on_change="rerun") as opened:
        if opened.open:
            _links(scope or pause.shown_scope() or controls.page_scope())


@st.fragment
def share_section() -> None:
    """Draw both links as a part of a menu, once it is opened."""
    with st.expander("Share", icon=":material/link:", key="obs_share_section", on_change="rerun") as opened:
        if opened.open:
            _links(pause.shown_scope() or controls.page_scope())


def _links(scope: PageScope) -> None:
    st.caption("Frozen link: always this window.")
    st.code(_link(frozen(scope)), language=None, wrap_lines=True)
    if scope.is_relative:
        st.caption("Live link: the same window, moving with the clock.")
        st.code(_link({"from": scope.from_text, "to": scope.to_text}), language=None, wrap_lines=True)


def frozen(scope: PageScope) -> dict[str, str]:
    """Return the window as ISO 8601 times; the end is rounded up to milliseconds, so that no row is lost."""
    from_text, to_text = window_text.texts_of(scope.window)
    return {"from": from_text, "to": to_text}


def _link(changed: dict[str, str]) -> str:
    """The address of this page with its parameters and the `changed` ones."""
    address = (st.context.url or "").partition("?")[0]
    given = {name: st.query_params.get_all(name) for name in st.query_params} | {n: [v] for n, v in changed.items()}
    return f"{address}?{urlencode(given, doseq=True, safe=':')}" if given else address
