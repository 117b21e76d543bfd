"""What our own exports add to a span or a log record, so that importing them gives the same row.

A format says most of a row in its own words. The columns that it has no word for, or whose word would be read as
something else, travel in one attribute; other programs show it like any attribute.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from obs_core.ingest.formats.rows import to_int
from obs_core.model import Row
from obs_core.text import clean

CARRIED: Final = "obs_core.row"
"""The attribute: a map of columns of the log to what they hold."""

COLUMNS: Final = tuple(name for name in Row._fields if name not in ("code_id", "run_id"))
"""The columns that can travel; the other two number rows of this log's own tables."""

_WHOLE: Final = frozenset({"timestamp", "duration_ns", "memory_delta"})
_NEEDED: Final = frozenset({"process", "data", "timestamp"})
_WORDS: Final = {"kind": ("call", "value", "log"), "status": ("OK", "ERROR", "UNSET")}


def restored(columns: object) -> Row | None:
    """A whole row from its columns; None where they don't say what kind of row it is."""
    told = _columns(columns)
    return carried(Row("log", "", "", 0), told) if told.get("kind") in _WORDS["kind"] else None


def carried(row: Row, columns: object) -> Row:
    """`row` with the columns that came along; what can't stand in the log is left as the format said it."""
    told = _columns(columns)
    return row._replace(**{name: _cell(name, told[name], getattr(row, name)) for name in COLUMNS if name in told})


def _columns(columns: object) -> Mapping[str, Any]:
    """The columns as a map; where a format has only texts, they are written as JSON."""
    if isinstance(columns, str):
        try:
            columns = json.loads(columns)
        except (ValueError, RecursionError):
            return {}
    return columns if isinstance(columns, Mapping) else {}


def _cell(name: str, value: Any, otherwise: Any) -> Any:  # noqa: ANN401 - a cell of any column
    if name in _WORDS:
        return value if value in _WORDS[name] else otherwise
    if value is None:
        return otherwise if name in _NEEDED else None
    if name in _WHOLE:
        number = to_int(value)
        return otherwise if number is None else number
    return clean(value) if isinstance(value, str) else otherwise
