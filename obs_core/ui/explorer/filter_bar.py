"""Which rows the Trace Explorer shows: the controls over the table, each of them in the URL."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from obs_core.errors import BadParameter
from obs_core.query.filters.attribute_filter import conditions, joined
from obs_core.ui.explorer import pinned_columns
from obs_core.ui.explorer.filter_link import KEYS, KINDS, SORTS, STATUSES, Filter, invalid_parameters
from obs_core.ui.kit import formatting, notices
from obs_core.ui.kit.formatting import escape_markdown
from obs_core.ui.kit.text import plain

_WORDS: Final = {"data_type": "data type", "exception_type": "exception", "min_ms": "at least", "max_ms": "at most"}
LONGEST: Final = {"t_q": 1_000, "t_fn": 1_000, "t_type": 200, "t_exc": 500, "t_where": 4_000}
"""Characters of what is typed into each field."""

_TYPED: Final = ("search", "function", "data_type", "exception_type", "where")


class Bar(NamedTuple):
    """What the controls say: the filter, the order as `traces.page` names it, and room for further tools."""

    wanted: Filter
    sort: str
    tools: DeltaGenerator


def filter_bar(processes: Sequence[str]) -> Bar:
    """Draw the controls; `processes` are offered, others can be typed."""
    given = st.query_params.to_dict()
    if KEYS["where"] in st.session_state:  # being typed: what is wrong with it stands beside it
        given.pop(KEYS["where"], None)
    wrong = (*invalid_parameters(given), *_beyond(given))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        search = st.text_input(
            "Search",
            key="t_q",
            bind="query-params",
            live="300ms",
            max_chars=LONGEST["t_q"],
            placeholder="Process, data, value, exception",
            icon=":material/search:",
            width=250,
        )
        process = st.selectbox(
            "Process",
            processes,
            index=None,
            key="t_process",
            bind="query-params",
            accept_new_options=True,
            placeholder="All",
            width=150,
        )
        status = st.segmented_control("Status", STATUSES, key="t_status", bind="query-params")
        kind = st.segmented_control("Kind", KINDS, key="t_kind", bind="query-params")
        sort = st.selectbox("Order", list(SORTS), key="t_sort", bind="query-params", width=150)
    tools = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with tools, st.popover("More filters", icon=":material/filter_alt:"):
        more = _more()
    chosen = Filter(search or None, status, kind, process or None, **more)
    with st.container():  # always there: a table that moves in the page would be loaded anew
        notices.show_notices("t_notes", once=wrong)
        _contradiction(chosen)
        _chips(chosen)
    return Bar(chosen, SORTS[sort], tools)


def _beyond(given: Mapping[str, str]) -> tuple[str, ...]:
    """What is to be said of the parts of a link that hold more than their controls do."""
    said = [
        f"{key} has more than {formatting.count(most)} characters: what is beyond them is left out."
        for key, most in LONGEST.items()
        if len(given.get(key, "")) > most
    ]
    if len(st.query_params.get_all("t_cols")) > pinned_columns.MOST:
        said.append(f"t_cols names more than {pinned_columns.MOST} columns: the further ones are left out.")
    return tuple(said)


def clear(*names: str) -> None:
    """Take the filters `names` away, or all of them; the order stays."""
    for name in names or KEYS:
        st.session_state[KEYS[name]] = "" if name in _TYPED else None


def narrow(name: str, value: str | None) -> None:
    """Set one filter from a callback."""
    st.session_state[KEYS[name]] = value or ("" if name in _TYPED else None)


def without(text: str, place: int) -> str:
    """The conditions in `text` without the one at `place`."""
    found = conditions(text)
    return joined([*found[:place], *found[place + 1 :]])


def _more() -> dict[str, Any]:
    """The controls that are needed less often."""
    function = st.text_input(
        "Function", key="t_fn", bind="query-params", max_chars=LONGEST["t_fn"], placeholder="pkg.mod.name"
    )
    with st.container(horizontal=True, gap="small"):
        data_type = st.text_input(
            "Data type", key="t_type", bind="query-params", max_chars=LONGEST["t_type"], width=180
        )
        exception = st.text_input(
            "Exception type", key="t_exc", bind="query-params", max_chars=LONGEST["t_exc"], width=180
        )
    with st.container(horizontal=True, gap="small"):
        least = st.number_input("Duration from (ms)", 0.0, value=None, key="t_min", bind="query-params", width=180)
        most = st.number_input("Duration to (ms)", 0.0, value=None, key="t_max", bind="query-params", width=180)
    where = st.text_input(
        "Attributes",
        key="t_where",
        bind="query-params",
        live="300ms",
        max_chars=LONGEST["t_where"],
        placeholder="http.status_code >= 500 and user.id exists",
        help="A name, one of = != > < >= <= contains, starts with, matches, in, exists, and a value; several are "
        'joined by and. Names and values with spaces, commas or operators stand in "quotes"; matches takes a regular '
        "expression; a row without the attribute fits no condition.",
    )
    return {
        "function": function or None,
        "data_type": data_type or None,
        "exception_type": exception or None,
        "min_ms": least,
        "max_ms": most,
        "where": _readable(where),
    }


def _readable(where: str | None) -> str | None:
    """The conditions, if they can be read; else what is wrong with them is said, and they narrow nothing."""
    try:
        return joined(conditions(where)) or None
    except BadParameter as error:
        st.warning(escape_markdown(f"{error.message} {error.hint} Until then, it narrows nothing."))
        return None


def _contradiction(chosen: Filter) -> None:
    """Say what no row can be."""
    if chosen.min_ms is not None and chosen.max_ms is not None and chosen.min_ms > chosen.max_ms:
        st.warning("The shortest duration is longer than the longest one: no row fits.")


def _chips(chosen: Filter) -> None:
    """What is filtered, each with a way to remove it."""
    active = {name: value for name, value in asdict(chosen).items() if value is not None and name != "where"}
    parts = conditions(chosen.where)
    if not active and not parts:
        return
    with st.container(horizontal=True, gap="small"):
        for name, value in active.items():
            shown = formatting.duration(value) if isinstance(value, float) else plain(value, 40)
            _chip(f"{_WORDS.get(name, name)}: {shown}", name, clear, name)
        for place, condition in enumerate(parts):
            _chip(plain(condition.text, 60), f"where_{place}", _drop, place)
        if len(active) + len(parts) > 1:
            st.button("Clear all", key="t_chip_all", type="tertiary", on_click=clear)


def _chip(label: str, key: str, remove: Any, *arguments: object) -> None:  # noqa: ANN401 - Streamlit's own kind of callback
    st.button(escape_markdown(label), key=f"t_chip_{key}", icon=":material/close:", on_click=remove, args=arguments)


def _drop(place: int) -> None:
    """Remove one of the conditions on attributes."""
    st.session_state["t_where"] = without(st.session_state.get("t_where") or "", place)
