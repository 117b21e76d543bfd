"""The path below which the dashboard is served: empty, or `/obs` behind a proxy that serves other sites too."""

import streamlit as st


def base_path() -> str:
    """Streamlit's `server.baseUrlPath` as `/obs`; empty where the dashboard is the whole site."""
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""
