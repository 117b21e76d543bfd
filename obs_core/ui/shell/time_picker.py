"""The time picker: names the window in the page's head, and sets it by presets, calendar and clock, or as text."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import streamlit as st

from obs_core.clock import DAY, SECOND, Window, datetime_ns, now_ns
from obs_core.errors import ObsError
from obs_core.query.questions import overview
from obs_core.ui.kit import formatting
from obs_core.ui.kit.text import css_string
from obs_core.ui.shell import controls, window_text
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.scope import PageScope

KEY: Final = "obs_window"
PRESETS: Final = ("5m", "15m", "30m", "1h", "3h", "6h", "12h", "24h", "2d", "7d", "30d")
MARGIN: Final = 0.02
"""The share of the data's length that “Zoom to data” leaves free at both ends."""

SHORTEST: Final = SECOND
"""A window is zoomed to at least this."""

_PROBLEM: Final = "_obs_window_problem"


@st.fragment
def time_picker() -> None:
    """Draw the window's name; opened, the ways to set another window. A run of this part draws nothing else."""
    controls.apply_requested()
    scope = controls.page_scope()
    now = now_ns()
    name = window_text.name_of(scope.from_text, scope.to_text, now)
    # A popover with another label is another popover, which is closed: so the name is in a style.
    text = f"{name} · {window_text.zone_label(now)}"
    with st.container(key="obs_window_name"):
        st.html(f"<style>.st-key-{KEY} button p::after {{ content: {css_string(text)}; }}</style>")
    with st.popover("Time range", icon=":material/schedule:", key=KEY, on_change="rerun") as opened:
        if opened.open:
            start, end = (formatting.format_time(ns)[:19] for ns in (scope.window.from_ns, scope.window.to_ns))
            st.caption(f"Shown: {start} to {end} ({formatting.zone_name()})")
            _tools(scope)
            left, right = st.columns([3, 4], gap="medium")
            with left:
                _presets(scope, now)
            with right:
                _calendar(scope)
                _fields(scope)


def zoomed_to_data(scope: PageScope) -> Window | None:
    """Return the part of the window that has data, with a little room; None if there is none.

    Raises:
        ObsError: the log can't answer.
    """
    row = ask(overview.processes, scope)
    summary = ask(overview.summary, scope)
    starts = formatting.number(summary["first_ns"].iloc[0])
    if not len(row) or starts is None:
        return controls.extent_of_log()
    data = Window(int(summary["first_ns"].iloc[0]), int(summary["last_ns"].iloc[0]) + 1)
    return window_text.widened(data, 1 + 2 * MARGIN) if data.length_ns > SHORTEST else _around(data)


def show_data(scope: PageScope) -> None:
    """Set the window to where the data is, as a callback."""
    try:
        window = zoomed_to_data(scope)
    except ObsError as error:
        st.session_state[_PROBLEM] = f"{error.message} {error.hint}"
        return
    if window is not None:
        _set_window(window)


def _around(data: Window) -> Window:
    middle = (data.from_ns + data.to_ns) // 2
    return Window(middle - SHORTEST // 2, middle + SHORTEST // 2)


def _tools(scope: PageScope) -> None:
    """The windows near this one; the picker stays open, so that a second click continues."""
    window = scope.window
    steps: tuple[tuple[str, str, Callable[..., None], tuple[object, ...]], ...] = (
        ("Earlier", "chevron_left", _set_window, (window_text.shifted(window, -0.5),)),
        ("Later", "chevron_right", _set_window, (window_text.shifted(window, 0.5),)),
        ("Zoom out", "zoom_out", _set_window, (window_text.widened(window, 2),)),
        ("Zoom to data", "fit_width", show_data, (scope,)),
        ("All data", "all_inclusive", _close_with, ("first", "last")),
    )
    with st.container(horizontal=True, gap="xsmall", key="obs_window_tools"):
        for label, icon, action, given in steps:
            st.button(label, icon=f":material/{icon}:", on_click=action, args=given, key=f"obs_window_{icon}")


def _calendar(scope: PageScope) -> None:
    zone = formatting.zone_name()
    ends = (scope.window.from_ns, scope.window.to_ns)
    now = {"From": window_text.local_time(ends[0]), "To": window_text.local_time(ends[1])}
    keys = [f"obs_day {label} {scope.from_text} {scope.to_text}" for label in now]
    with st.form("obs_window_calendar", border=False):
        st.caption(f"Calendar and clock ({zone})")
        for (label, time), key in zip(now.items(), keys, strict=True):
            st.datetime_input(label, time.replace(second=0, microsecond=0), key=key, step=60, format="YYYY-MM-DD")
        st.form_submit_button("Apply times", on_click=_from_calendar, args=tuple(keys))


def _fields(scope: PageScope) -> None:
    texts = {"From": scope.from_text, "To": scope.to_text}
    keys = [f"obs_text {label} {scope.from_text} {scope.to_text}" for label in texts]
    with st.form("obs_window_fields", border=False):
        st.caption("As text: now-1h, last-24h, first, 2026-01-31T12:00")
        with st.container(horizontal=True, gap="small"):
            for (label, text), key in zip(texts.items(), keys, strict=True):
                st.text_input(f"{label} (text)", text, key=key, label_visibility="collapsed", placeholder=label)
        st.form_submit_button("Apply texts", on_click=_from_fields, args=tuple(keys))
    if problem := st.session_state.pop(_PROBLEM, ""):
        st.warning(formatting.escape_markdown(problem))


def _presets(scope: PageScope, now: int) -> None:
    extent = controls.extent_of_log()
    end = "now" if extent is None or abs(now - extent.to_ns) < DAY else "last"
    recent = [texts for texts in st.session_state.get(controls.RECENT, []) if texts != (scope.from_text, scope.to_text)]
    listed = [(f"{end}-{length}", end) for length in PRESETS]
    with st.container(gap=None, key="obs_window_presets"):
        for texts in listed:
            _choice(texts, now, "preset")
    if recent:
        st.caption("Recent")
        with st.container(gap=None, key="obs_window_recent"):
            for texts in recent:
                _choice(texts, now, "recent")


def _choice(texts: window_text.Texts, now: int, kind: str) -> None:
    name = window_text.name_of(*texts, now)
    st.button(name, key=f"obs_{kind} {' '.join(texts)}", type="tertiary", on_click=_close_with, args=texts)


def _from_calendar(*keys: str) -> None:
    times: list[datetime] = [st.session_state[key] for key in keys]
    zone = formatting.zone()
    _apply(*(window_text.iso(datetime_ns(time.replace(tzinfo=zone))) for time in times))


def _from_fields(*keys: str) -> None:
    _apply(*(window_text.from_field(st.session_state[key]) for key in keys))


def _apply(from_text: str, to_text: str) -> None:
    """Set the window, or say what is invalid."""
    _, notes = controls.window_of(from_text, to_text, now_ns(), controls.extent_of_log())
    if notes:
        st.session_state[_PROBLEM] = " ".join(notes).replace(" The last hour is shown instead.", "")
    else:
        _close_with(from_text, to_text)


def _close_with(from_text: str, to_text: str) -> None:
    st.session_state[KEY] = False
    controls.request_controls(**{"from": from_text, "to": to_text})


def _set_window(window: Window) -> None:
    from_text, to_text = window_text.texts_of(window)
    controls.request_controls(**{"from": from_text, "to": to_text})
