"""The Trace Explorer's filters: the controls above the table, each bound to a parameter of the URL."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from obs_core.errors import BadParameter, ObsError
from obs_core.query.filters.attribute_filter import conditions, joined
from obs_core.query.filters.row_filter import FIELDS, RowFilter
from obs_core.query.questions import overview
from obs_core.ui.explorer import pinned_columns, suggestions
from obs_core.ui.explorer.filter_link import LINK_FIELDS, SORTS, invalid_parameters
from obs_core.ui.kit import formatting, notices, suggest
from obs_core.ui.kit.fold import foldable, value_of
from obs_core.ui.kit.formatting import escape_markdown
from obs_core.ui.kit.text import plain
from obs_core.ui.kit.width import is_narrow
from obs_core.ui.shell.answers import ask
from obs_core.ui.shell.panel import boundary
from obs_core.ui.shell.scope import PageScope

_IN_BAR: Final[Mapping[str, Mapping[str, Any]]] = {
    "search": {
        "live": "300ms",
        "placeholder": "Process, data, value, exception",
        "icon": ":material/search:",
        "width": 250,
    },
    "process": {"index": None, "accept_new_options": True, "placeholder": "All", "width": 150},
    "status": {},
    "kind": {},
}
_IN_POPOVER: Final[Mapping[str, Mapping[str, Any]]] = {
    "function": {"index": None, "accept_new_options": True, "placeholder": "pkg.mod.name"},
    "data_type": {"index": None, "accept_new_options": True, "placeholder": "All", "width": 180},
    "exception_type": {"index": None, "accept_new_options": True, "placeholder": "All", "width": 180},
    "level": {},
    "min_ms": {"width": 180},
    "max_ms": {"width": 180},
    "where": {
        "live": suggest.LIVE,
        "placeholder": "http.status_code >= 500 and user.id exists",
        "help": "A name, one of = != > < >= <= contains, starts with, matches, in, exists, and a value; join several "
        'with and. Put names and values with spaces, commas or operators in "quotes". matches takes a regular '
        "expression. A row without the attribute matches no condition.",
    },
}
"""The layout of each field's control; the field's kind decides which control it is."""

_NAMED: Final = 20  # attributes in a line


class Bar(NamedTuple):
    """The values of the controls: the filter, the order as `traces.page` names it, and room for further tools."""

    row_filter: RowFilter
    sort: str
    tools: DeltaGenerator


def filter_bar(offered: Sequence[str], given: Mapping[str, str], scope: PageScope) -> Bar:
    """Draw the controls; the processes `offered` can be selected, others typed.

    `given` are the parameters of the link before anything removed the invalid ones.
    """
    parameters = dict(given)
    if "t_where" in st.session_state:  # being typed: its error is shown next to its control
        parameters.pop("t_where", None)
    invalid = (*invalid_parameters(parameters), *_too_long(parameters))
    bar = foldable(_active_texts(), key="t_fold")
    with bar:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            values = {name: _control(name, offered, **layout) for name, layout in _IN_BAR.items()}
            sort = st.selectbox("Order", list(SORTS), key="t_sort", bind="query-params", width=150)
        tools = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with tools:
        menu = st.popover("More filters", icon=":material/filter_alt:", key="t_more", on_change="rerun")
    with menu:
        values |= _popover(scope, is_open=bool(menu.open))
    row_filter = RowFilter(**values)
    with st.container():  # always there: a table that moves within the page would be loaded again
        notices.show_notices("t_notes", once=invalid)
        _contradiction(row_filter)
    with bar if is_narrow() else st.container():
        _chips(row_filter)
    return Bar(row_filter, SORTS[sort], tools)


def processes(scope: PageScope) -> list[str]:
    """The processes that the control offers; none if the log can't say: the table does not need them."""
    with suppress(ObsError):
        return [str(name) for name in ask(overview.processes, scope)["process"]]
    return []


def clear(*names: str) -> None:
    """Clear the filters `names`, or all of them; the order stays."""
    for name in names or [part.name for part in LINK_FIELDS.values()]:
        narrow(name, None)


def narrow(name: str, value: str | None) -> None:
    """Set one filter, or clear it; for callbacks."""
    part = FIELDS[name]
    assert part.url_key
    st.session_state[part.url_key] = value or ("" if part.max_chars else None)


def toggle_condition(text: str) -> None:
    """Add the condition `text` on an attribute, or remove it if it is set; for callbacks."""
    current = st.session_state.get("t_where") or ""
    texts = [condition.text for condition in conditions(current)]
    st.session_state["t_where"] = without(current, texts.index(text)) if text in texts else " and ".join([*texts, text])


def without(text: str, index: int) -> str:
    """The conditions in `text` without the one at `index`."""
    parts = conditions(text)
    return joined([*parts[:index], *parts[index + 1 :]])


def _active_texts() -> list[str]:
    """The filters that are set and the order, for the line that folds them."""
    values = {part: value_of(key) for key, part in LINK_FIELDS.items() if part.type is not bool}
    texts = [f"{part.chip}: {_value_text(value)}" for part, value in values.items() if value]
    return [*(texts or ["none"]), str(value_of("t_sort") or next(iter(SORTS)))]


def _value_text(value: object) -> str:
    return formatting.duration(value) if isinstance(value, float) else plain(value, 40)


def _control(name: str, offered: Sequence[str] = (), **layout: Any) -> Any:  # noqa: ANN401 - as Streamlit's controls
    """Draw the control of one field; return its value, None if it is empty."""
    part = FIELDS[name]
    bound = {"key": part.url_key, "bind": "query-params"} | layout
    if part.choices:
        return st.segmented_control(part.label, part.choices, **bound)
    if part.type is float:
        return st.number_input(part.label, 0.0, value=None, **bound)
    if part.max_chars:
        return st.text_input(part.label, max_chars=part.max_chars, **bound) or None
    return st.selectbox(part.label, offered, **bound) or None


def _popover(scope: PageScope, *, is_open: bool) -> dict[str, Any]:
    """Draw the controls that are needed less often; return the values of their fields.

    While the menu is open, they offer the most frequent values of the window.
    """
    offered: dict[str, list[str]] = {}
    names: list[str] = []
    if is_open:
        with boundary("Suggestions"):
            offered = suggestions.of_fields(scope)
            names = suggestions.attribute_names(scope)
    values: dict[str, Any] = {}
    for row in (("function",), ("data_type", "exception_type"), ("level",), ("min_ms", "max_ms"), ("where",)):
        with st.container(horizontal=len(row) > 1, gap="small"):
            values |= {name: _control(name, offered.get(name, ()), **_IN_POPOVER[name]) for name in row}
    if is_open:
        suggest.offer("t_where", suggestions.conditions(scope, str(value_of("t_where") or "")))
    if names:
        st.caption(escape_markdown(f"Attributes here: {', '.join(plain(name, 60) for name in names[:_NAMED])}"))
    values["where"] = _valid_conditions(values["where"])
    return values


def _too_long(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """A message for each parameter of the link that is longer than its control allows."""
    messages = [
        f"{key} has more than {formatting.count(part.max_chars)} characters; the rest is ignored."
        for key, part in LINK_FIELDS.items()
        if part.max_chars and len(parameters.get(key, "")) > part.max_chars
    ]
    if len(st.query_params.get_all("t_cols")) > pinned_columns.MOST:
        messages.append(f"t_cols has more than {pinned_columns.MOST} columns; extra ones are ignored.")
    return tuple(messages)


def _valid_conditions(text: str | None) -> str | None:
    """The conditions in `text`; None and a warning where they are invalid."""
    try:
        return joined(conditions(text)) or None
    except BadParameter as error:
        st.warning(escape_markdown(f"{error.message} {error.hint} Until then it is ignored."))
        return None


def _contradiction(row_filter: RowFilter) -> None:
    """Warn about a filter that no row can match."""
    if row_filter.min_ms is not None and row_filter.max_ms is not None and row_filter.min_ms > row_filter.max_ms:
        st.warning("The shortest duration is longer than the longest one: no rows match.")


def _chips(row_filter: RowFilter) -> None:
    """The filters that are set, each with a button that removes it."""
    values = {name: getattr(row_filter, name) for name in FIELDS if name != "where"}
    active = {name: value for name, value in values.items() if value is not None and value is not False}
    parts = conditions(row_filter.where)
    if not active and not parts:
        return
    with st.container(horizontal=True, gap="small"):
        for name, value in active.items():
            _chip(f"{FIELDS[name].chip}: {_value_text(value)}", name, clear, name)
        for index, condition in enumerate(parts):
            _chip(plain(condition.text, 60), f"where_{index}", _remove_condition, index)
        if len(active) + len(parts) > 1:
            st.button("Clear all", key="t_chip_all", type="tertiary", on_click=clear)


def _chip(label: str, key: str, remove: Callable[..., None], *arguments: object) -> None:
    st.button(escape_markdown(label), key=f"t_chip_{key}", icon=":material/close:", on_click=remove, args=arguments)


def _remove_condition(index: int) -> None:
    """Remove one of the conditions on attributes."""
    st.session_state["t_where"] = without(st.session_state.get("t_where") or "", index)
