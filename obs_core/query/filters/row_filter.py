"""Which rows a page, a count, the facets and an export are limited to: the fields of a filter, each defined once.

The Trace Explorer's controls and link, `ask --param`, the options of `export` and the HTTP export all iterate over
`FIELDS`. `filters.where` turns a filter into SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Any, Final, NamedTuple, get_args

from obs_core.model import Kind, Status

STATUSES: Final[tuple[str, ...]] = get_args(Status)
KINDS: Final[tuple[str, ...]] = get_args(Kind)
LEVELS: Final = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}
"""The levels of log records, each with its lowest severity number (OpenTelemetry, Logs data model)."""


class FilterField(NamedTuple):
    """How one field of a `RowFilter` is named and entered.

    `type` is str, float or bool. `url_key` is its parameter in a link (None: links do not have it), `option` its option
    on the command line. `label` names its control and `chip` its value once it is set. `choices` are the values that
    the control offers; `max_chars` is the longest text that it takes.
    """

    name: str
    type: type
    url_key: str | None
    option: str
    help: str
    label: str
    chip: str
    choices: tuple[str, ...] = ()
    max_chars: int | None = None


def _field(url_key: str | None, option: str, *, default: Any = None, **details: object) -> Any:  # noqa: ANN401 - as dataclasses.field
    return field(default=default, metadata={"url_key": url_key, "option": option} | details)


@dataclass(frozen=True, slots=True)
class RowFilter:
    """What a row must match. A field that is None, empty or False matches every row.

    `search` is literal text, found in process, data, value and exception, ignoring case. `min_ms` and `max_ms` are the
    bounds of the duration, both inclusive. `exception_type` is the part of the exception before its first colon.
    `roots` are calls without a parent in the log. `level`
    is the lowest level of log records; a failed row that has none counts as ERROR.
    `where` holds conditions on attributes (see `filters.attribute_filter`).
    """

    process: str | None = _field(
        "t_process", "--process", help="only rows of this process", label="Process", chip="process"
    )
    status: str | None = _field(
        "t_status",
        "--status",
        help="only rows of status OK, ERROR or UNSET",
        label="Status",
        chip="status",
        choices=STATUSES,
    )
    kind: str | None = _field(
        "t_kind", "--kind", help="only call, value or log", label="Kind", chip="kind", choices=KINDS
    )
    errors: bool = _field(
        None, "--errors", default=False, help="only rows of status ERROR", label="Errors", chip="errors"
    )
    roots: bool = _field(
        "t_roots",
        "--roots",
        default=False,
        help="only calls without a parent in the log",
        label="Roots only",
        chip="roots",
    )
    level: str | None = _field(
        "t_severity",
        "--level",
        help="only log records of at least this level; failed rows count as ERROR",
        label="Level from",
        chip="level from",
        choices=tuple(LEVELS),
    )
    search: str | None = _field(
        "t_q",
        "--search",
        help="only rows that contain this text in process, data, value or exception, ignoring case",
        label="Search",
        chip="search",
        max_chars=1_000,
    )
    function: str | None = _field(
        "t_fn",
        "--function",
        help="only rows of this function",
        label="Function",
        chip="function",
    )
    data_type: str | None = _field(
        "t_type",
        "--data-type",
        help="only rows of this data type",
        label="Data type",
        chip="data type",
    )
    exception_type: str | None = _field(
        "t_exc",
        "--exception-type",
        help="only rows with an exception of this type",
        label="Exception type",
        chip="exception",
    )
    min_ms: float | None = _field(
        "t_min",
        "--min-ms",
        help="only calls that took at least this many milliseconds",
        label="Duration from (ms)",
        chip="at least",
    )
    max_ms: float | None = _field(
        "t_max",
        "--max-ms",
        help="only calls that took at most this many milliseconds",
        label="Duration to (ms)",
        chip="at most",
    )
    where: str | None = _field(
        "t_where",
        "--where",
        help="only rows with matching attributes, such as: http.status_code >= 500",
        label="Attributes",
        chip="attributes",
        max_chars=4_000,
    )


def _value_type(annotation: Any) -> type:  # noqa: ANN401 - a type or a union of types
    value_type: type = next(kind for kind in (*get_args(annotation), annotation) if kind is not NoneType)
    return value_type


FIELDS: Final = {
    part.name: FilterField(part.name, _value_type(part.type), **part.metadata) for part in fields(RowFilter)
}
"""The fields of a `RowFilter` by name."""

ALL_ROWS: Final = RowFilter()
"""The filter that every row matches."""


def gathered(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a question, with those that are fields of a filter replaced by one `row_filter`."""
    others = {name: value for name, value in parameters.items() if name not in FIELDS}
    values = {name: value for name, value in parameters.items() if name in FIELDS}
    return others | ({"row_filter": RowFilter(**values)} if values else {})
