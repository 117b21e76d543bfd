"""The filter's controls and the link: what one says, the other does."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from obs_core.query.filters.attribute_filter import OPERATORS, Condition, joined
from obs_core.ui.explorer import filter_bar, filter_link
from obs_core.ui.explorer.filter_link import Filter

WORDS = st.text("abc &=?/#%+ü\"\\_*{}'<>,", min_size=1, max_size=8).map(str.strip).filter(bool)
NUMBERS = st.integers(0, 10**6).map(lambda n: n / 8)
CONDITIONS = st.lists(
    st.builds(Condition, WORDS, st.sampled_from(["=", "!=", "contains", "<"]), st.tuples(WORDS)), min_size=1, max_size=3
)
FILTERS = st.builds(
    Filter,
    search=st.none() | WORDS,
    status=st.none() | st.sampled_from(filter_link.STATUSES),
    kind=st.none() | st.sampled_from(filter_link.KINDS),
    process=st.none() | WORDS,
    function=st.none() | WORDS,
    data_type=st.none() | WORDS,
    exception_type=st.none() | WORDS,
    min_ms=st.none() | NUMBERS,
    max_ms=st.none() | NUMBERS,
    where=st.none() | CONDITIONS.map(joined),
)


def script() -> None:
    """The bar alone, on a page of its own."""
    import streamlit as st  # noqa: PLC0415 - the test's app runs in a module of its own

    from obs_core.ui.explorer import filter_bar  # noqa: PLC0415

    wanted, sort, _ = filter_bar.filter_bar(["web"])
    st.session_state["seen"] = (wanted, sort)


def opened(link: dict[str, str]) -> AppTest:
    app = AppTest.from_function(script, default_timeout=30)
    for key, word in link.items():
        app.query_params[key] = word
    return app.run()


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.generate),  # each run draws the bar; to make a failure small takes minutes
)
@given(wanted=FILTERS, sort=st.sampled_from(list(filter_link.SORTS)))
def test_a_link_restores_the_filter_that_made_it_in_one_run(wanted: Filter, sort: str) -> None:
    app = opened(wanted.link | {"t_sort": sort})
    assert not app.exception
    seen: tuple[Any, str] = app.session_state["seen"]
    assert seen == (wanted, filter_link.SORTS[sort])
    assert filter_link.filter_of(wanted.link) == wanted


def test_every_part_of_a_filter_has_its_own_parameter() -> None:
    parts = set(Filter.__dataclass_fields__)
    assert set(filter_link.KEYS) == parts
    assert len(set(filter_link.KEYS.values())) == len(parts)


def test_each_condition_is_taken_away_alone() -> None:
    text = 'a = 1 and b in x, y and "c d" exists'
    assert [filter_bar.without(text, place) for place in range(3)] == [
        'b in x, y and "c d" exists',
        'a = 1 and "c d" exists',
        "a = 1 and b in x, y",
    ]


@pytest.mark.parametrize(("key", "word"), [("t_min", "nan"), ("t_max", "-0.1"), ("t_min", "1s"), ("t_kind", "calls")])
def test_a_parameter_that_is_none_of_what_it_may_be_is_said(key: str, word: str) -> None:
    [said] = filter_link.invalid_parameters({key: word})
    assert word in said
    assert key in said
    assert filter_link.invalid_parameters({"t_min": "0", "t_status": "OK", "t_q": "x"}) == ()


def test_the_operators_that_the_help_names_are_all_there_are() -> None:
    app = opened({})
    told = next(box.help for box in app.text_input if box.key == "t_where")
    assert all(operator in told for operator in OPERATORS)
