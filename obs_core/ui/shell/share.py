"""Links to share: a live one that moves with the clock, and a frozen one."""

from urllib.parse import urlencode

import streamlit as st

from obs_core.ui.shell.scope import PageScope


def share(scope: PageScope, *, key: str = "obs_share") -> None:
    """Draw a button with both links to the current page; they open it with the same controls."""
    with st.popover("Share", icon=":material/link:", key=key):
        st.caption("Frozen link: always this window.")
        st.code(_link(frozen(scope)), language=None, wrap_lines=True)
        if scope.is_relative:
            st.caption("Live link: the same window, moving with the clock.")
            st.code(_link({"from": scope.from_text, "to": scope.to_text}), language=None, wrap_lines=True)


def frozen(scope: PageScope) -> dict[str, str]:
    """Return the window in epoch milliseconds; the end is rounded up, so that no row is lost."""
    return {"from": str(scope.window.from_ns // 1_000_000), "to": str(-(-scope.window.to_ns // 1_000_000))}


def _link(changed: dict[str, str]) -> str:
    """The address of this page with its parameters and the `changed` ones."""
    address = (st.context.url or "").partition("?")[0]
    given = {name: st.query_params.get_all(name) for name in st.query_params} | {n: [v] for n, v in changed.items()}
    return f"{address}?{urlencode(given, doseq=True)}" if given else address
