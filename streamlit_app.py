"""The launcher: `streamlit run streamlit_app.py` serves the pages and routes and starts the child processes."""

from pathlib import Path

import streamlit as st

from obs_core.serve.access import middleware
from obs_core.serve.lifespan import lifespan
from obs_core.serve.routes import routes

app = st.App(
    Path(__file__).parent / "pages" / "_router.py", routes=routes(), middleware=middleware(), lifespan=lifespan
)
