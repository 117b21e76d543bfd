"""Rows as CSV: the seven canonical columns first, then the others; RFC 4180, UTF-8.

Times stand in ISO 8601 and, exactly, in nanoseconds. A cell that a spreadsheet would run as a formula gets an
apostrophe before it, and the row says so in its last column, so that importing the file gives the cell back.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from obs_core.clock import iso_text
from obs_core.ingest.csv_rows import DEFUSED, defused
from obs_core.model import CANONICAL, Row

OTHERS: Final = (
    *("kind", "trace_id", "span_id", "parent_span_id", "process_group", "function", "duration_ms", "memory_delta"),
    *("timestamp_ns", "exception_stack", "attributes"),
)
"""The columns after the seven, in the names that the importer knows."""

BATCH: Final = 1_000  # rows that are written at once: 5 ms, in which no other thread of the process runs

_COLUMNS: Final = (
    *("process", "data", "data_type", "data_value", "timestamp", "status", "exception", "kind", "trace_id", "span_id"),
    *("parent_span_id", "process_group", "function", "duration_ns", "memory_delta", "timestamp", "exception_stack"),
    "attributes",
)
_PLACES: Final = tuple(Row._fields.index(name) for name in _COLUMNS)
_NUMBERS: Final = frozenset({"timestamp", "duration_ns", "memory_delta"})
_TEXTS: Final = tuple(place for place, name in enumerate(_COLUMNS) if name not in _NUMBERS)
_MOMENT, _DURATION = _COLUMNS.index("timestamp"), _COLUMNS.index("duration_ns")
_SUSPECT: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20'")
"""With what a cell begins that may be a formula; `defused` looks closer."""

_MILLION: Final = 1_000_000


def lines(rows: Iterable[Row], *, raw: bool = False) -> Iterator[str]:
    """The file in parts of whole lines, its header first; with `raw`, what looks like a formula stays as it is.

    Where `rows` fails, the rows before that are written first.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([*CANONICAL, *OTHERS, *([] if raw else [DEFUSED])])
    yield buffer.getvalue()
    for batch in _batches(rows):
        buffer.seek(0)
        buffer.truncate()
        writer.writerows(_lines(batch, raw=raw))
        yield buffer.getvalue()


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while True:
        batch: list[Row] = []
        try:
            batch.extend(islice(remaining, BATCH))
        except Exception:
            if batch:
                yield batch
            raise
        if not batch:
            return
        yield batch


def _lines(batch: Sequence[Row], *, raw: bool) -> Iterable[Iterable[object]]:
    """The cells of the lines. By columns: most of the work is the search for formulas, and that takes a third so."""
    columns: list[Sequence[object]] = list(zip(*batch, strict=True))
    columns = [columns[place] for place in _PLACES]
    columns[_MOMENT] = [iso_text(row.timestamp) for row in batch]
    columns[_DURATION] = [_milliseconds(row.duration_ns) for row in batch]
    if not raw:
        columns.append(_defuse(columns, len(batch)))
    return zip(*columns, strict=True)


def _defuse(columns: list[Sequence[object]], count: int) -> Sequence[str]:
    """Defuse the cells of the columns that hold text; return the column that says in which lines."""
    told = [""] * count
    for place in _TEXTS:
        column: Sequence[Any] = columns[place]
        suspects = [cell for cell in set(column) if cell and cell[0] in _SUSPECT]
        changed = {cell: safe for cell in suspects if (safe := defused(cell)) != cell}
        if changed:
            columns[place] = [changed.get(cell, cell) for cell in column]
            told = ["1" if cell in changed else word for cell, word in zip(column, told, strict=True)]
    return told


def _milliseconds(nanoseconds: int | None) -> str | None:
    """Exactly, with all six digits behind the point."""
    if nanoseconds is None:
        return None
    whole, rest = divmod(abs(nanoseconds), _MILLION)
    return f"{'-' if nanoseconds < 0 else ''}{whole}.{rest:06d}"
