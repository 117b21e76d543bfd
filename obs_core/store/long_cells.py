"""Reads rows of a log that may have cells of any size or content: long cells are cut inside SQLite.

Most logs have none, and testing the size of each cell costs time. So a statement runs first with SQLite's own limit on
the length of a cell set to `LARGEST`, and only if that or the decoding of text fails, in a form that cuts long cells
and replaces what is not UTF-8.
"""

import hashlib
import re
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final

from obs_core.store import sqlite
from obs_core.store.foreign import INTEGER_COLUMNS

LARGEST: Final = 65_536
"""The largest cell that is read whole, in bytes. A batch has 500 rows, and each series keeps the text of its value."""
_PREFIX: Final = 4_096  # bytes of a longer cell
_VALUE_HASH: Final = re.compile(rb'"obs\.value\.hash": ?"[0-9a-f]+"')


def select(
    log: sqlite3.Connection, columns: Sequence[str], relation: str, where: str, bound: Sequence[object]
) -> list[tuple[Any, ...]]:
    """The `columns` of the rows of `relation` that match `where` (which may end with ORDER BY and LIMIT).

    Raises:
        sqlite3.Error: a row can't be read, or the file.
        MemoryError: a cell is too large to be cut.
    """
    try:
        return _run(log, LARGEST, str, f"SELECT {', '.join(columns)} FROM {relation} WHERE {where}", bound)
    except sqlite3.Error as error:
        if sqlite.is_about_file(error):
            raise
    log.create_function("obs_cut", 1, cut, deterministic=True)
    log.create_function("obs_cut_attributes", 1, cut_attributes, deterministic=True)
    cells = ", ".join(name if name in INTEGER_COLUMNS else f"{_cut(name)} AS {name}" for name in columns)
    statement = f"SELECT {', '.join(columns)} FROM (SELECT {cells} FROM {relation}) WHERE {where}"
    return _run(log, 2**31 - 1, sqlite.readable, statement, bound)  # SQLite's own limit is lower


def cut(cell: bytes) -> str:
    """The beginning of a long cell, its size, and a hash: only equal cells have equal texts."""
    digest = hashlib.blake2b(cell, digest_size=16).hexdigest()
    return f"{cell[:_PREFIX].decode('utf-8', 'ignore')}… [{len(cell):,} bytes, BLAKE2 {digest}]"


def cut_attributes(cell: bytes) -> str | None:
    """Of long attributes, only the hash of a value that was cut when it was recorded."""
    match = _VALUE_HASH.search(cell)
    return f"{{{match[0].decode()}}}" if match else None


def _cut(name: str) -> str:
    function = "obs_cut_attributes" if name == "attributes" else "obs_cut"
    blob = f"CAST({name} AS BLOB)"
    return f"CASE WHEN length({blob}) > {LARGEST} THEN {function}({blob}) ELSE {name} END"


def _run(
    log: sqlite3.Connection,
    largest: int,
    text_factory: Callable[[bytes], str],
    statement: str,
    bound: Sequence[object],
) -> list[tuple[Any, ...]]:
    before = log.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, largest)
    log.text_factory = text_factory  # `str` fails on text that is not UTF-8; replacing costs a quarter of the time
    try:
        return log.execute(statement, bound).fetchall()
    finally:
        log.text_factory = sqlite.readable
        log.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)
