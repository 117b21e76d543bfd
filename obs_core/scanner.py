"""DuckDB with its SQLite scanner: how a process that runs DuckDB connects, and how text passes between the two."""

from importlib.resources import files
from typing import Any, Final

import duckdb

from obs_core.errors import SetupBroken

Error = duckdb.Error

# Pure ASCII text is passed as it is, marked with `=`; other text in hex, marked with `x`. GLOB stops at a NUL, and only
# then (or with bytes above ASCII) is a text longer in bytes than in characters.
MARKED: Final = (
    "CASE WHEN {cell} IS NULL THEN NULL"
    " WHEN length({cell}) = length(CAST({cell} AS BLOB))"
    " AND {cell} NOT GLOB '*[^' || char(1) || '-' || char(127) || ']*' THEN '=' || {cell}"
    " ELSE 'x' || hex(CAST({cell} AS BLOB)) END"
)
"""SQLite's SQL for a text cell in a form that survives invalid UTF-8."""
UNMARKED: Final = "CASE left({cell}, 1) WHEN '=' THEN substr({cell}, 2) WHEN 'x' THEN repaired(substr({cell}, 2)) END"
"""DuckDB's SQL for the text of a marked cell; `repaired` is a function of every connection made here."""

_SETTINGS: Final[dict[str, str | int]] = {
    # Return freed memory to the system: 12 MB more than for an empty log after a page of 100,000 rows, 48 MB without.
    "allocator_flush_threshold": "1MB",
    "allocator_bulk_deallocation_flush_threshold": "1MB",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "temp_directory": "",  # exceeding the memory limit is an error; no temporary files on the user's disk
}


def connect(memory_mb: int, *, threads: int) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB with the scanner, which uses at most `memory_mb` MB.

    Raises:
        SetupBroken: the scanner can't be loaded.
    """
    settings: dict[str, Any] = {**_SETTINGS, "threads": threads, "memory_limit": f"{memory_mb}MB"}
    connection = duckdb.connect(":memory:", config=settings)
    connection.execute(_load_scanner())
    # With several threads a scan is not a snapshot, and loses the newest row at multiples of 122,880 rows.
    connection.execute("SET sqlite_disable_multithreaded_scans = true")
    connection.create_function("repaired", _repaired, ["VARCHAR"], "VARCHAR")
    return connection


def _repaired(text_in_hex: str) -> str:
    """Text that is not UTF-8, with replacement characters: the same as narrow queries return."""
    return bytes.fromhex(text_in_hex).decode("utf-8", "replace")


def _load_scanner() -> str:
    """The statement that loads the scanner from its wheel, which must have exactly DuckDB's version."""
    try:
        package = files("duckdb_extension_sqlite_scanner")
    except ModuleNotFoundError:
        return "INSTALL sqlite; LOAD sqlite"
    extension = package.joinpath("extensions", f"v{duckdb.__version__}", "sqlite_scanner.duckdb_extension")
    if not extension.is_file():
        message = f"duckdb is {duckdb.__version__}, but its SQLite scanner has another version."
        raise SetupBroken(message, "Install both versions pinned in requirements.txt: pip install -r requirements.txt")
    path = str(extension).replace("'", "''")
    return f"LOAD '{path}'"
