"""The Trace Explorer's link: its row filter, and what is wrong with its other parameters."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from obs_core.errors import BadParameter
from obs_core.query.filters.attribute_filter import conditions
from obs_core.query.filters.cursor import cursor
from obs_core.query.filters.row_filter import FIELDS, FilterField, RowFilter
from obs_core.ui.explorer import expanded_rows
from obs_core.ui.kit.text import plain

SORTS: Final = {
    "Newest first": "time",
    "Oldest first": "-time",
    "Slowest first": "duration",
    "Fastest first": "-duration",
    "Errors first": "status",
    "Errors last": "-status",
    "Process A to Z": "process",
    "Process Z to A": "-process",
    "Data A to Z": "data",
    "Data Z to A": "-data",
    "Data type A to Z": "data_type",
    "Data type Z to A": "-data_type",
    "Exception A to Z": "exception",
    "Exception Z to A": "-exception",
}
SORT_NAMES: Final = {sort: name for name, sort in SORTS.items()}
_SORTED_COLUMNS: Final = {
    "Timestamp": "time",
    "Duration": "duration",
    "Status": "status",
    "Process": "process",
    "Data": "data",
    "Data Type": "data_type",
    "Exception": "exception",
}
_HIGHEST_FIRST: Final = ("time", "duration", "status")

VIEWS: Final = ("Traces", "Rows", "Roots only")
"""What the table lists: one row per trace, all rows, or the calls without a parent in the log."""

OF_ROWS: Final = ("t_open", "t_after", "t_sort", "t_cols", "t_kind", "t_type", "t_size")
"""Parameters of a table of rows: a link with one of them and without a view is from before there were views."""

SIZES: Final = ("50", "100", "200", "500")
"""Rows per page."""

TABS: Final = ("Selected row", "By function")
LEVELS: Final = tuple(str(level) for level in range(1, 31))
"""Depths to which the waterfall can be expanded; without a level it is fully expanded."""

LINK_FIELDS: Final = {part.url_key: part for part in FIELDS.values() if part.url_key}
"""The fields of a row filter by their parameter in the link."""

_SWITCH: Final = ("true", "false")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    **{key: part.choices for key, part in LINK_FIELDS.items() if part.choices},
    "t_sort": tuple(SORTS),
    "t_view": VIEWS,
    "t_size": SIZES,
    "t_tab": TABS,
    "t_facets": _SWITCH,
    "t_raw": _SWITCH,
    "t_page": _SWITCH,
    "t_roots": _SWITCH,
}
_READERS: Final[Mapping[str, Callable[[str | None], object]]] = {
    "t_where": conditions,
    "t_after": cursor,
    "t_open": expanded_rows.from_text,
}


def sort_of(order: str) -> str:
    """The order of `traces.page` for a column of the table, as in `Duration desc`; newest first for an empty text."""
    column, _, way = order.rpartition(" ")
    key = _SORTED_COLUMNS.get(column, "time")
    natural = "desc" if key in _HIGHEST_FIRST else "asc"
    return key if way in (natural, "") else f"-{key}"


def order_of(sort: str) -> str:
    """The inverse of `sort_of`."""
    key = sort.lstrip("-")
    column = next(column for column, name in _SORTED_COLUMNS.items() if name == key)
    return f"{column} {'desc' if (key in _HIGHEST_FIRST) != sort.startswith('-') else 'asc'}"


def to_link(row_filter: RowFilter) -> dict[str, str]:
    """The filter as parameters of a link; the inverse of `from_link`."""
    values = {key: getattr(row_filter, part.name) for key, part in LINK_FIELDS.items()}
    return {
        key: repr(value) if isinstance(value, float) else str(value).lower() if value is True else str(value)
        for key, value in values.items()
        if value is not None and value is not False
    }


def from_link(parameters: Mapping[str, str]) -> RowFilter:
    """The filter that the parameters of a link describe; parameters of other things are ignored.

    Raises:
        BadParameter: a parameter has a value that it can't have.
    """
    if messages := invalid_parameters(parameters):
        raise BadParameter(" ".join(messages), "Copy the link from the page again.")
    values: dict[str, Any] = {
        part.name: _value(part, parameters[key]) for key, part in LINK_FIELDS.items() if parameters.get(key)
    }
    return RowFilter(**values)


def invalid_parameters(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """A message for each parameter of a link with an invalid value; the controls remove these values."""
    messages = [
        f"“{plain(parameters[key], 60)}” is not one of {', '.join(choices)}; {key} is ignored."
        for key, choices in _CHOICES.items()
        if parameters.get(key) and parameters[key] not in choices
    ]
    for key, read in _READERS.items():
        try:
            read(parameters.get(key))
        except BadParameter as error:
            messages.append(f"{error.message} {key} is ignored.")
    level = parameters.get("t_level")
    if level and level not in LEVELS:
        messages.append(f"“{plain(level, 60)}” is not a level from 1 to {LEVELS[-1]}; t_level is ignored.")
    row = parameters.get("t_row")
    if row and not (row.isascii() and row.isdigit()):
        messages.append(f"“{plain(row, 60)}” is not a row number; t_row is ignored.")
    messages += [
        f"“{plain(parameters[key], 60)}” is not a duration in milliseconds; {key} is ignored."
        for key, part in LINK_FIELDS.items()
        if part.type is float and parameters.get(key) and not _is_duration(parameters[key])
    ]
    return tuple(messages)


def _value(part: FilterField, text: str) -> object:
    return text == "true" if part.type is bool else part.type(text)


def _is_duration(text: str) -> bool:
    try:
        return 0 <= float(text) < math.inf
    except ValueError:
        return False
