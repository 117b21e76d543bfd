"""The filter's controls and the link set the same filter."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from obs_core.query.filters.attribute_filter import OPERATORS, Condition, joined
from obs_core.query.filters.row_filter import FIELDS, KINDS, STATUSES, RowFilter
from obs_core.ui.explorer import filter_bar, filter_link

TEXTS = st.text("abc &=?/#%+ü\"\\_*{}'<>,", min_size=1, max_size=8).map(str.strip).filter(bool)
NUMBERS = st.integers(0, 10**6).map(lambda n: n / 8)
CONDITIONS = st.lists(
    st.builds(Condition, TEXTS, st.sampled_from(["=", "!=", "contains", "<"]), st.tuples(TEXTS)), min_size=1, max_size=3
)
FILTERS = st.builds(
    RowFilter,
    search=st.none() | TEXTS,
    status=st.none() | st.sampled_from(STATUSES),
    kind=st.none() | st.sampled_from(KINDS),
    process=st.none() | TEXTS,
    function=st.none() | TEXTS,
    data_type=st.none() | TEXTS,
    exception_type=st.none() | TEXTS,
    min_ms=st.none() | NUMBERS,
    max_ms=st.none() | NUMBERS,
    where=st.none() | CONDITIONS.map(joined),
)


def script() -> None:
    """The bar alone, on a page of its own."""
    import streamlit as st  # noqa: PLC0415 - the test's app runs in a module of its own

    from obs_core.clock import Window  # noqa: PLC0415
    from obs_core.ui.explorer import filter_bar  # noqa: PLC0415
    from obs_core.ui.shell.scope import PageScope  # noqa: PLC0415

    scope = PageScope(Window(0, 1), None, live=False, from_text="first", to_text="last")
    row_filter, sort, _ = filter_bar.filter_bar(["web"], st.query_params.to_dict(), scope)
    st.session_state["seen"] = (row_filter, sort)


def opened(link: dict[str, str]) -> AppTest:
    app = AppTest.from_function(script, default_timeout=30)
    for key, value in link.items():
        app.query_params[key] = value
    return app.run()


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.generate),  # each run draws the bar; to make a failure small takes minutes
)
@given(row_filter=FILTERS, sort=st.sampled_from(list(filter_link.SORTS)))
def test_a_link_restores_the_filter_that_made_it_in_one_run(row_filter: RowFilter, sort: str) -> None:
    app = opened(filter_link.to_link(row_filter) | {"t_sort": sort})
    assert not app.exception
    seen: tuple[Any, str] = app.session_state["seen"]
    assert seen == (row_filter, filter_link.SORTS[sort])
    assert filter_link.from_link(filter_link.to_link(row_filter)) == row_filter


def test_every_field_of_a_filter_has_its_own_parameter_and_option() -> None:
    assert [name for name, part in FIELDS.items() if part.url_key is None] == ["errors"]  # the link says t_status=ERROR
    assert len(filter_link.LINK_FIELDS) == len(FIELDS) - 1
    assert len({part.option for part in FIELDS.values()}) == len(FIELDS)


def test_a_condition_is_removed_without_the_others() -> None:
    text = 'a = 1 and b in x, y and "c d" exists'
    assert [filter_bar.without(text, index) for index in range(3)] == [
        'b in x, y and "c d" exists',
        'a = 1 and "c d" exists',
        "a = 1 and b in x, y",
    ]


@pytest.mark.parametrize(("key", "value"), [("t_min", "nan"), ("t_max", "-0.1"), ("t_min", "1s"), ("t_kind", "calls")])
def test_an_invalid_parameter_is_reported_with_its_value(key: str, value: str) -> None:
    [message] = filter_link.invalid_parameters({key: value})
    assert value in message
    assert key in message
    assert filter_link.invalid_parameters({"t_min": "0", "t_status": "OK", "t_q": "x"}) == ()


def test_the_help_lists_all_operators() -> None:
    app = opened({})
    help_text = next(box.help for box in app.text_input if box.key == "t_where")
    assert all(operator in help_text for operator in OPERATORS)
