"""A panel shows the error inside it, and the page continues."""

from streamlit.testing.v1 import AppTest

PAGE = """
import streamlit as st
from obs_core.errors import QuestionTimedOut
from obs_core.ui.shell.panel import panel

with panel("Slow"):
    raise QuestionTimedOut("The question took longer than 5 s.", "Choose a shorter window.")
with panel("Well", "a <note>"):
    st.markdown("drawn")
with panel("Broken"):
    raise ZeroDivisionError
"""


def test_errors_are_shown_in_their_panel_and_nowhere_else() -> None:
    app = AppTest.from_string(PAGE).run()
    assert not app.exception
    assert app.warning[0].value == "The question took longer than 5 s. Choose a shorter window."
    assert "“Broken” can't be shown because of an error in this program" in app.warning[1].value
    assert "ZeroDivisionError" not in app.warning[1].value
    assert [markdown.value for markdown in app.markdown] == ["drawn"]
    assert "a &lt;note&gt;" in app.get("html")[1].proto.body


def test_every_error_has_a_button_to_try_again() -> None:
    app = AppTest.from_string(PAGE).run()
    assert [button.label for button in app.button] == ["Retry"] * len(app.warning) == ["Retry", "Retry"]
