"""Numbered, append-only steps of a schema; a file's `PRAGMA user_version` says how many it has had."""

import re
import sqlite3
from importlib import resources
from pathlib import Path
from typing import Final

from obs_core.errors import SchemaTooNew
from obs_core.store import sqlite

_NUMBERED: Final = re.compile(r"(\d{4})_\w+\.sql")


def load_migrations(package: str, folder: str = "schema") -> list[str]:
    """The SQL of each step in `folder` of `package`, in order."""
    home = resources.files(package).joinpath(folder)
    names = sorted(file.name for file in home.iterdir() if _NUMBERED.fullmatch(file.name))
    return [home.joinpath(name).read_text("utf-8") for name in names]


def open_database(path: Path, package: str, folder: str = "schema") -> sqlite.Connection:
    """Open the database at `path` for writing in the newest schema of `package`; make it if need be.

    Raises:
        SchemaTooNew: a newer version of this product made it.
        LogUnreadable: it can't be opened or written.
    """
    wanted = load_migrations(package, folder)
    connection = sqlite.connect(path, write=True, create=True)
    try:
        connection.execute(f"PRAGMA busy_timeout = {sqlite.BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if version(connection) < len(wanted):
            with sqlite.transaction(connection):
                apply_migrations(connection, wanted)
        elif version(connection) > len(wanted):
            message = f"{path} was written by a newer version of this program."
            raise SchemaTooNew(message, "Update this program, or move the file away.")
    except sqlite.Error as error:
        connection.close()
        raise sqlite.translate_error(error, path) from error
    except BaseException:
        connection.close()
        raise
    return connection


def apply_migrations(connection: sqlite3.Connection, wanted: list[str]) -> None:
    """Take the steps that the database lacks; the caller holds the transaction."""
    for number, step in enumerate(wanted[version(connection) :], version(connection) + 1):
        for statement in step.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")


def version(connection: sqlite3.Connection) -> int:
    """How many steps the database has had."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
