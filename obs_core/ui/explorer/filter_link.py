"""What the rows of the Trace Explorer must be, and the link that says so."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, get_args

from obs_core.errors import BadParameter
from obs_core.model import Kind, Status
from obs_core.query.filters.attribute_filter import conditions
from obs_core.query.filters.cursor import cursor
from obs_core.ui.explorer import expanded_rows
from obs_core.ui.kit.text import plain

STATUSES: Final = get_args(Status)
KINDS: Final = get_args(Kind)
SORTS: Final = {
    "Newest first": "time",
    "Oldest first": "-time",
    "Slowest first": "duration",
    "Fastest first": "-duration",
    "Errors first": "status",
    "Errors last": "-status",
    "Process A to Z": "process",
    "Process Z to A": "-process",
}
SIZES: Final = ("50", "100", "200", "500")
"""Rows per page."""

TABS: Final = ("Selected row", "By function")
LEVELS: Final = tuple(str(level) for level in range(1, 31))
"""How deep the waterfall may be shown; without it, whole."""

KEYS: Final = {
    "search": "t_q",
    "status": "t_status",
    "kind": "t_kind",
    "process": "t_process",
    "function": "t_fn",
    "data_type": "t_type",
    "exception_type": "t_exc",
    "min_ms": "t_min",
    "max_ms": "t_max",
    "where": "t_where",
}
"""The part of the URL behind each part of a filter."""

_SWITCH: Final = ("true", "false")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "t_status": STATUSES,
    "t_kind": KINDS,
    "t_sort": tuple(SORTS),
    "t_size": SIZES,
    "t_tab": TABS,
    "t_facets": _SWITCH,
    "t_raw": _SWITCH,
}
_NUMBERS: Final = ("min_ms", "max_ms")


@dataclass(frozen=True, slots=True)
class Filter:
    """What the rows must be; None for all. The names are those of `query.wanted`."""

    search: str | None = None
    status: str | None = None
    kind: str | None = None
    process: str | None = None
    function: str | None = None
    data_type: str | None = None
    exception_type: str | None = None
    min_ms: float | None = None
    max_ms: float | None = None
    where: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The filter as parameters of `traces.page`, `traces.total` and `facets.facets`."""
        return asdict(self)

    @property
    def link(self) -> dict[str, str]:
        """The filter as parameters of a link."""
        given = {KEYS[name]: value for name, value in asdict(self).items() if value is not None}
        return {key: repr(value) if isinstance(value, float) else str(value) for key, value in given.items()}

    @property
    def is_empty(self) -> bool:
        """Whether every row fits."""
        return all(value is None for value in asdict(self).values())


def filter_of(given: Mapping[str, str]) -> Filter:
    """The filter that the parameters of a link name; the opposite of `Filter.link`.

    Raises:
        BadParameter: a parameter is none of what it may be.
    """
    if said := invalid_parameters(given):
        raise BadParameter(" ".join(said), "Copy the link from the page again.")
    words = {name: given[key] for name, key in KEYS.items() if given.get(key)}
    parts: dict[str, Any] = {name: float(word) if name in _NUMBERS else word for name, word in words.items()}
    return Filter(**parts)


def invalid_parameters(given: Mapping[str, str]) -> tuple[str, ...]:
    """What is to be said of the filter's parameters `given` in a link, before the controls take away what is wrong."""
    said = [
        f"“{plain(given[key], 60)}” is none of {', '.join(allowed)}: {key} is left out."
        for key, allowed in _CHOICES.items()
        if given.get(key) and given[key] not in allowed
    ]
    for key, read in (("t_where", conditions), ("t_after", cursor), ("t_open", expanded_rows.read)):
        try:
            read(given.get(key))
        except BadParameter as error:
            said.append(f"{error.message} {key} is left out.")
    level = given.get("t_level")
    if level and level not in LEVELS:
        said.append(f"“{plain(level, 60)}” is no level from 1 to {LEVELS[-1]}: t_level is left out.")
    row = given.get("t_row")
    if row and not (row.isascii() and row.isdigit()):
        said.append(f"“{plain(row, 60)}” is no row's number: t_row is left out.")
    for key in ("t_min", "t_max"):
        try:
            fits = not given.get(key) or 0 <= float(given[key]) < math.inf
        except ValueError:
            fits = False
        if not fits:
            said.append(f"“{plain(given[key], 60)}” is no duration in milliseconds: {key} is left out.")
    return tuple(said)
