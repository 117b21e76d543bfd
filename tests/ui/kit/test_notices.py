"""A notice is shown until it is dismissed, and again when something else is invalid."""

from streamlit.testing.v1 import AppTest


def script() -> None:
    """A page that shows the notices of its session."""
    import streamlit as st  # noqa: PLC0415 - the script runs on its own

    from obs_core.ui.kit import notices  # noqa: PLC0415

    notices.show_notices("n", once=st.session_state.pop("once", ()), now=st.session_state.get("now", ()))


def warnings(app: AppTest) -> list[str]:
    return [element.value for element in app.warning]


def test_what_was_invalid_once_stays_until_it_is_dismissed() -> None:
    app = AppTest.from_function(script).run()
    assert warnings(app) == []
    app.session_state["once"] = ("odd interval",)
    assert warnings(app.run()) == warnings(app.run()) == ["odd interval"]
    assert warnings(app.button(key="n_dismiss").click().run()) == []


def test_what_is_invalid_now_comes_back_only_if_it_changes() -> None:
    app = AppTest.from_function(script)
    app.session_state["now"] = ("odd time",)
    assert warnings(app.run()) == ["odd time"]
    assert warnings(app.button(key="n_dismiss").click().run()) == warnings(app.run()) == []
    app.session_state["now"] = ("other time",)
    assert warnings(app.run()) == ["other time"]
    app.session_state["now"] = ()
    assert warnings(app.run()) == []
    app.session_state["now"] = ("odd time",)
    assert warnings(app.run()) == ["odd time"]
