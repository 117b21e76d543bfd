"""A connection to a shared lake: its tables, its catalogue, and steps that are done again if another host was first."""

import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from obs_core import scanner
from obs_core.errors import ObsError, StoreUnreachable
from obs_core.lake.address import Address, Keys
from obs_core.lake.schema import CATALOG, TABLES, Table

Result = TypeVar("Result")
_ATTEMPTS: Final = 60
_LONGEST_S: Final = 0.5
_SETTINGS: Final[dict[str, float]] = {
    # DuckLake's own attempts, when another writer took the number of the snapshot: with 5 ms between them, no step
    # of four and six writers failed (400).
    "ducklake_max_retry_count": 200,
    "ducklake_retry_wait_ms": 5,
    "ducklake_retry_backoff": 1.05,
    "http_timeout": 30,
    "http_retries": 2,
}
_COLUMNS: Final = "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'lake'"
_OPTIONS: Final = "SELECT scope, scope_entry FROM lake.options() WHERE option_name = 'data_inlining_row_limit'"
_STORAGE: Final = {
    "parquet_compression": "'zstd'",
    "parquet_version": 2,
    "parquet_row_group_size": 30_720,
    "data_inlining_row_limit": 10,  # of the tables without files: marks are rows of PostgreSQL
}
_CONFLICTS: Final = ("conflict", "could not serialize access", "duplicate key value", "already exists")
_LONGEST: Final = 600  # of a message: DuckLake repeats its whole statement
_AWAY: Final = (
    *("connection", "connect to", "server closed", "timeout", "timed out", "could not resolve", "ssl", "terminating"),
    *("http", "s3://", "starting up", "shutting down"),
)


class Lake:
    """A lake, attached as `lake` to `connection`; its catalogue's tables are `catalog.public.*`."""

    def __init__(self, connection: scanner.Connection, address: Address, keys: Keys) -> None:
        """Attach it, and make the tables that it lacks.

        Raises:
            StoreUnreachable: PostgreSQL or the S3 API does not answer, or refuses.
            SetupBroken: an extension of DuckDB is missing.
        """
        self.connection, self.address = connection, address
        for extension in ("postgres_scanner", "httpfs", "ducklake"):
            scanner.load(connection, extension)
        for name, number in _SETTINGS.items():
            connection.execute(f"SET {name} = {number}")
        connection.execute(_secret(address, keys))
        if address.password:
            os.environ["PGPASSWORD"] = address.password  # libpq reads it: messages of errors show the connection
        options = f"DATA_PATH {quoted(address.data)}, DATA_INLINING_ROW_LIMIT 0, METADATA_CATALOG 'catalog'"
        try:
            self.again(
                lambda: connection.execute(f"ATTACH {quoted(f'ducklake:postgres:{address.libpq}')} AS lake ({options})")
            )
            self._prepare()
        except scanner.Error as error:
            raise self.translated(error) from error

    def rows(self, statement: str, *parameters: object) -> Sequence[Sequence[Any]]:
        """The rows of DuckDB's answer."""
        return self.connection.execute(statement, parameters).fetchall()

    def execute(self, statement: str, *parameters: object) -> None:
        """Run a statement; what it returns is not read."""
        self.connection.execute(statement, parameters)

    def in_catalog(self, statement: str) -> None:
        """Run PostgreSQL's SQL in the catalogue, in a transaction of its own."""
        self.connection.execute(f"CALL postgres_execute('catalog', {quoted(statement)})")

    def commit(self, step: Callable[[], Result]) -> Result:
        """Run `step` in a transaction and return its result; it is run again when another writer was first.

        Raises:
            scanner.Error: it failed for another reason.
        """
        return self.again(lambda: self._once(step))

    def translated(self, error: Exception) -> ObsError:
        """The product's error for one of DuckDB: the store is away, or something else."""
        text = " ".join(str(error).split())
        first = text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
        if self.address.password:
            first = first.replace(self.address.password, "…")
        hint = "Rows stay in the log of this host; they are written as soon as PostgreSQL and the S3 API answer."
        if any(part in first.lower() for part in _AWAY):
            return StoreUnreachable(f"The shared lake {self.address.shown} can't be reached: {first}", hint)
        return StoreUnreachable(f"The shared lake {self.address.shown} can't be used: {first}", hint)

    def _once(self, step: Callable[[], Result]) -> Result:
        self.connection.execute("BEGIN TRANSACTION")
        try:
            result = step()
            self.connection.execute("COMMIT")
        except BaseException:
            with suppress(scanner.Error):
                self.connection.execute("ROLLBACK")
            raise
        return result

    def again(self, step: Callable[[], Result]) -> Result:
        """Run `step`, which commits by itself, until no other writer was first; as `commit`."""
        for attempt in range(_ATTEMPTS):
            try:
                return step()
            except scanner.Error as error:
                if attempt == _ATTEMPTS - 1 or not is_conflict(error):
                    raise
            time.sleep(random.uniform(0, min(_LONGEST_S, 0.02 * 2**attempt)))  # noqa: S311 - no secret
        raise AssertionError

    def _prepare(self) -> None:
        """Make missing tables and columns, and set how they are stored."""
        existing = self._columns()
        for table in TABLES:
            if table.columns.keys() - existing.get(table.name, set()):
                self.commit(partial(self._create, table))
        options = {(scope, entry) for scope, entry in self.rows(_OPTIONS)}
        for table in TABLES:
            if table.in_files and ("TABLE", f"main.{table.name}") not in options:
                self._set("data_inlining_row_limit", "0", f", table_name => '{table.name}'")
        if ("GLOBAL", None) not in options:  # last: where it is, all others are
            self.again(lambda: self.in_catalog(CATALOG))
            for name, setting in _STORAGE.items():
                self._set(name, str(setting))

    def _set(self, name: str, setting: str, scope: str = "") -> None:
        self.again(lambda: self.execute(f"CALL lake.set_option('{name}', {setting}{scope})"))

    def _columns(self) -> dict[str, set[str]]:
        """The names of the columns of each table."""
        columns: dict[str, set[str]] = {}
        for table, column in self.rows(_COLUMNS):
            columns.setdefault(table, set()).add(column)
        return columns

    def _create(self, table: Table) -> None:
        existing = self._columns().get(table.name)
        if existing is None:
            columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns.items())
            self.execute(f"CREATE TABLE lake.{table.name} ({columns})")
            if table.partitions:
                self.execute(f"ALTER TABLE lake.{table.name} SET PARTITIONED BY ({', '.join(table.partitions)})")
            return
        for name in table.columns.keys() - existing:
            self.execute(f'ALTER TABLE lake.{table.name} ADD COLUMN "{name}" {table.columns[name]}')


def is_conflict(error: Exception) -> bool:
    """Whether another writer committed first, so that the step is to be done again."""
    text = str(error).lower()
    return any(part in text for part in _CONFLICTS)


def quoted(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def _secret(address: Address, keys: Keys) -> str:
    parts = [f"SCOPE {quoted(address.data)}", f"REGION {quoted(keys.region)}"]
    if keys.key:
        parts += [f"KEY_ID {quoted(keys.key)}", f"SECRET {quoted(keys.secret)}"]
    if keys.token:
        parts.append(f"SESSION_TOKEN {quoted(keys.token)}")
    if keys.endpoint:
        encrypted = "true" if keys.is_encrypted else "false"
        parts += [f"ENDPOINT {quoted(keys.endpoint)}", "URL_STYLE 'path'", f"USE_SSL {encrypted}"]
    return f"CREATE OR REPLACE SECRET lake_files (TYPE s3, {', '.join(parts)})"
