"""DuckDB with its SQLite scanner: how a process that runs DuckDB connects, and how text passes between the two."""

from importlib.resources import files
from typing import Any, Final

import duckdb

from obs_core.errors import SetupBroken

Error = duckdb.Error
Connection = duckdb.DuckDBPyConnection

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

_TITLES: Final = {"sqlite_scanner": "SQLite scanner"}
_LAKE_HINT: Final = "Install it in DuckDB's version: pip install 'obs-core[lake]'"
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
    load(connection, "sqlite_scanner")
    # With several threads a scan is not a snapshot, and loses the newest row at multiples of 122,880 rows.
    connection.execute("SET sqlite_disable_multithreaded_scans = true")
    connection.create_function("repaired", _repaired, ["VARCHAR"], "VARCHAR")
    return connection


def _repaired(text_in_hex: str) -> str:
    """Text that is not UTF-8, with replacement characters: the same as narrow queries return."""
    return bytes.fromhex(text_in_hex).decode("utf-8", "replace")


def load(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load the extension `name` from its wheel, which must have exactly DuckDB's version.

    Raises:
        SetupBroken: it has another version, or (all but the scanner) is not installed.
    """
    try:
        package = files(f"duckdb_extension_{name}")
    except ModuleNotFoundError as error:
        if name == "sqlite_scanner":
            connection.execute("INSTALL sqlite; LOAD sqlite")
            return
        raise SetupBroken(f"DuckDB's extension {name} is not installed.", _LAKE_HINT) from error
    extension = package.joinpath("extensions", f"v{duckdb.__version__}", f"{name}.duckdb_extension")
    if not extension.is_file():
        hint = "Install both versions pinned in requirements.txt: pip install -r requirements.txt"
        message = f"duckdb is {duckdb.__version__}, but its {_TITLES.get(name, name)} has another version."
        raise SetupBroken(message, hint if name == "sqlite_scanner" else _LAKE_HINT)
    path = str(extension).replace("'", "''")
    connection.execute(f"LOAD '{path}'")
