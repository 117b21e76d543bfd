"""What is wrong with a link is said until it is dismissed, and again when something else is."""

from streamlit.testing.v1 import AppTest


def script() -> None:
    """A page that says what its session holds as wrong."""
    import streamlit as st  # noqa: PLC0415 - the script runs by itself

    from obs_core.ui.kit import notices  # noqa: PLC0415

    notices.show_notices("n", once=st.session_state.pop("once", ()), now=st.session_state.get("now", ()))


def said(app: AppTest) -> list[str]:
    return [each.value for each in app.warning]


def test_what_was_wrong_once_stays_until_it_is_dismissed() -> None:
    app = AppTest.from_function(script).run()
    assert said(app) == []
    app.session_state["once"] = ("odd pace",)
    assert said(app.run()) == said(app.run()) == ["odd pace"]
    assert said(app.button(key="n_dismiss").click().run()) == []


def test_what_is_wrong_now_comes_back_only_if_it_changes() -> None:
    app = AppTest.from_function(script)
    app.session_state["now"] = ("odd time",)
    assert said(app.run()) == ["odd time"]
    assert said(app.button(key="n_dismiss").click().run()) == said(app.run()) == []
    app.session_state["now"] = ("other time",)
    assert said(app.run()) == ["other time"]
    app.session_state["now"] = ()
    assert said(app.run()) == []
    app.session_state["now"] = ("odd time",)
    assert said(app.run()) == ["odd time"]
