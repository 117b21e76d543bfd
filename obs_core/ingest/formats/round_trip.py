"""The attribute that our own exports add to a span or a log record, so that importing them gives the same row.

Most columns of a row have a field in the format. Columns that have none, or that would be read back differently, are
carried in one attribute; other programs show it like any attribute.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from obs_core.ingest.formats.rows import to_int
from obs_core.model import Row
from obs_core.text import clean

CARRIED: Final = "obs_core.row"
"""The attribute: a map of columns of the log to their cells."""

COLUMNS: Final = tuple(name for name in Row._fields if name not in ("code_id", "run_id"))
"""The columns that are carried; the other two are ids of tables of this log."""

_INTEGERS: Final = frozenset({"timestamp", "duration_ns", "memory_delta"})
_NEEDED: Final = frozenset({"process", "data", "timestamp"})
_CHOICES: Final = {"kind": ("call", "value", "log"), "status": ("OK", "ERROR", "UNSET")}


def restored(columns: object) -> Row | None:
    """A whole row from its columns; None if they lack a kind of row."""
    cells = _columns(columns)
    return carried(Row("log", "", "", 0), cells) if cells.get("kind") in _CHOICES["kind"] else None


def carried(row: Row, columns: object) -> Row:
    """`row` with the carried columns; cells that the log can't hold keep the value of the format."""
    cells = _columns(columns)
    return row._replace(**{name: _cell(name, cells[name], getattr(row, name)) for name in COLUMNS if name in cells})


def _columns(columns: object) -> Mapping[str, Any]:
    """The columns as a map; formats that have only text write it as JSON."""
    if isinstance(columns, str):
        try:
            columns = json.loads(columns)
        except (ValueError, RecursionError):
            return {}
    return columns if isinstance(columns, Mapping) else {}


def _cell(name: str, value: Any, otherwise: Any) -> Any:  # noqa: ANN401 - a cell of any column
    if name in _CHOICES:
        return value if value in _CHOICES[name] else otherwise
    if value is None:
        return otherwise if name in _NEEDED else None
    if name in _INTEGERS:
        number = to_int(value)
        return otherwise if number is None else number
    return clean(value) if isinstance(value, str) else otherwise
