"""Rows as CSV: the seven canonical columns first, then the others; RFC 4180, UTF-8.

Times stand in ISO 8601 and, exactly, in nanoseconds. A cell that a spreadsheet would run as a formula gets an
apostrophe before it, and the row says so in its last column, so that importing the file gives the cell back.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from obs_core.clock import iso_text
from obs_core.ingest.csv_rows import DEFUSED, defused
from obs_core.model import CANONICAL, Row

OTHERS: Final = (
    *("kind", "trace_id", "span_id", "parent_span_id", "process_group", "function", "duration_ms", "memory_delta"),
    *("timestamp_ns", "exception_stack", "attributes"),
)
"""The columns after the seven, in the names that the importer knows."""

_MILLION: Final = 1_000_000


def lines(rows: Iterable[Row], *, raw: bool = False) -> Iterator[str]:
    """The file line by line, its header first; with `raw`, cells that look like formulas stay as they are."""
    buffer = io.StringIO()
    write = csv.writer(buffer, lineterminator="\r\n").writerow
    write([*CANONICAL, *OTHERS, *([] if raw else [DEFUSED])])
    yield buffer.getvalue()
    for row in rows:
        buffer.seek(0)
        buffer.truncate()
        cells = _cells(row)
        if not raw:
            safe = [defused(cell) for cell in cells]
            cells = [*safe, "1" if safe != cells else ""]
        write(cells)
        yield buffer.getvalue()


def _cells(row: Row) -> list[str]:
    cells = (
        *(row.process, row.data, row.data_type, row.data_value, iso_text(row.timestamp), row.status, row.exception),
        *(row.kind, row.trace_id, row.span_id, row.parent_span_id, row.process_group, row.function),
        *(_milliseconds(row.duration_ns), row.memory_delta, row.timestamp, row.exception_stack, row.attributes),
    )
    return ["" if cell is None else str(cell) for cell in cells]


def _milliseconds(nanoseconds: int | None) -> str | None:
    """Exactly, with all six digits behind the point."""
    if nanoseconds is None:
        return None
    whole, rest = divmod(abs(nanoseconds), _MILLION)
    return f"{'-' if nanoseconds < 0 else ''}{whole}.{rest:06d}"
