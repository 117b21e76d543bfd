"""Opens databases in the newest version of their schema: numbered migrations, which are never changed once released.

A file's `PRAGMA user_version` is the number of migrations that it has had.
"""

import re
import sqlite3
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from obs_core.errors import SchemaTooNew
from obs_core.store import sqlite

_NUMBERED: Final = re.compile(r"(\d{4})_\w+\.sql")


def open_database(
    path: Path,
    package: str,
    *,
    synchronous: str = "NORMAL",
    check: Callable[[sqlite3.Connection], None] | None = None,
) -> sqlite.Connection:
    """Open the database at `path` for writing in the newest schema of `package`; create it if it does not exist.

    `check` is called in the migration's transaction, before a file without migrations gets its first one; it raises an
    error if the file must not be changed.

    Raises:
        SchemaTooNew: a newer version of this product made it.
        NotALog: it is not a database.
        LogUnreadable: it can't be opened or written.
    """
    migrations = load_migrations(package)
    connection = sqlite.connect(path, write=True, create=True)
    try:
        if version(connection) < len(migrations):
            with sqlite.transaction(connection):  # another program may be doing the same
                if check is not None and version(connection) == 0:
                    check(connection)
                apply_migrations(connection, migrations)
        elif version(connection) > len(migrations):
            message = f"{path} was written by a newer version of this program."
            raise SchemaTooNew(message, "Update this program, or use another file.")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    except sqlite.Error as error:
        connection.close()
        raise sqlite.translate_error(error, path) from error
    except BaseException:
        connection.close()
        raise
    return connection


@cache
def load_migrations(package: str) -> list[str]:
    """The SQL of each migration in the folder `schema` of `package`, in order."""
    folder = resources.files(package).joinpath("schema")
    names = sorted(file.name for file in folder.iterdir() if _NUMBERED.fullmatch(file.name))
    return [folder.joinpath(name).read_text("utf-8") for name in names]


def apply_migrations(connection: sqlite3.Connection, migrations: list[str]) -> None:
    """Apply the migrations that the database has not had yet; the caller holds the transaction."""
    for number, script in enumerate(migrations[version(connection) :], version(connection) + 1):
        for statement in script.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")


def version(connection: sqlite3.Connection) -> int:
    """The number of migrations that the database has had."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
