"""Cuts cells of many megabytes inside SQLite: their beginning and their size are read, never the whole text.

Few logs have such cells, and testing the size of each cell costs time. So a query runs first with SQLite's own limit on
the length of a cell set to `LARGEST`; only if a cell exceeds it, the query runs again over relations that cut.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from obs_core.store import sqlite
from obs_core.store.foreign import COLUMNS, INTEGER_COLUMNS

LARGEST: Final = 1 << 20
"""The largest cell that pages and `ask` read whole, in bytes; exports read every cell whole."""

PREFIX: Final = 65_536
"""The bytes of a larger cell that are read."""

FUNCTION: Final = "cut_cell"
"""The name of `cut` in SQL."""

ANALYSED: Final = 65_536
"""The largest cell that analytical questions read whole, in bytes: DuckDB reads 2,048 rows at once."""

CUT_AT: Final = 4_096
"""The characters of a larger cell that they read."""

_END: Final = " bytes in all]"
_CUT: Final = re.compile(r"… \[([0-9,]+) bytes in all\]\Z")
_WHOLE: Final = INTEGER_COLUMNS | {"kind", "status", "trace_id", "span_id", "parent_span_id"}
"""The columns that are read as they are: conditions on them use the indexes."""


@contextmanager
def limited(connection: sqlite3.Connection) -> Iterator[None]:
    """Within it, reading a cell of more than `LARGEST` bytes raises sqlite3.DataError."""
    before = connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
    try:
        yield
    finally:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)


def relation(rows: str) -> str:
    """The table expression `rows` of a log, with long cells cut."""
    cells = (f'"{name}"' if name in _WHOLE else f'{FUNCTION}(CAST("{name}" AS BLOB)) AS "{name}"' for name in COLUMNS)
    return f"(SELECT {', '.join(cells)} FROM {rows})"


def analysed(column: str) -> str:
    """SQLite's SQL for a cell that DuckDB reads: of a long one the beginning, and its size in bytes.

    Two cells that were cut are never taken for equal (`values/streaks.sql`).
    """
    cell = f'"{column}"'
    if column in _WHOLE:
        return cell
    size = f"length(CAST({cell} AS BLOB))"  # the length of a text ends at a NUL
    shown = f"substr({cell}, 1, {CUT_AT}) || '… [' || {size} || ' bytes in all]'"
    return f"CASE WHEN {size} > {ANALYSED} THEN {shown} ELSE {cell} END"


def cut(cell: bytes | None) -> str | None:
    """The text of a cell; of a long one the beginning, and its size in bytes.

    As a function of its own, it has SQLite read a cell once; an expression that also asks for the size reads it thrice.
    """
    if cell is None or len(cell) <= LARGEST:
        return None if cell is None else sqlite.readable(cell)
    return f"{cell[:PREFIX].decode('utf-8', 'ignore')}… [{len(cell):,} bytes in all]"


def full_size(shown: object) -> int | None:
    """The size in bytes of the cell that `cut` made this text of; None if it is whole."""
    if not isinstance(shown, str) or len(shown) > PREFIX + len(_END) + 30:
        return None
    match = _CUT.search(shown, max(len(shown) - 60, 0))
    return int(match[1].replace(",", "")) if match else None
