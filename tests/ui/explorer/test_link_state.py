"""The link's parameters without a control: a refresh takes them from the session, a full run from the address."""

import pytest
import streamlit as st

from obs_core.ui.explorer import link_state, trace_table
from obs_core.ui.explorer.grid import Click


def test_a_refresh_with_the_address_from_before_a_click_keeps_the_click(monkeypatch: pytest.MonkeyPatch) -> None:
    address = {"every": "1s", "trace": "old", "span": "s9", "t_after": "x"}
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(st, "query_params", dict(address))
    link_state.read_link()
    trace_table.clicked(Click("7", "t1", "s1", "call", opens=True, selects=True))
    clicked = {"every": "1s", "trace": "t1", "span": "s1", "t_after": "x", "t_open": "7"}
    assert dict(st.query_params) == clicked
    monkeypatch.setattr(st, "query_params", dict(address))
    with link_state.in_session():
        assert dict(st.query_params) == clicked
    monkeypatch.setattr(st, "query_params", dict(address))
    trace_table.clicked(Click("7/8", "t1", "s2", "call", opens=None, selects=True))
    assert dict(st.query_params) == clicked | {"span": "s2"}


def test_a_full_run_takes_the_parameters_of_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(st, "query_params", {"trace": "t1", "span": "s1"})
    link_state.read_link()
    monkeypatch.setattr(st, "query_params", {"trace": "t2"})
    link_state.read_link()
    with link_state.in_session():
        assert dict(st.query_params) == {"trace": "t2"}
