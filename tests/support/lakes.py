"""A shared lake as its users see it: the real sealer and upkeep, and plain DuckDB that reads it."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from obs_core import scanner, subprocesses
from obs_core.lake import address
from obs_core.lake.lake import Lake
from obs_core.store.foreign import COLUMNS
from tests.support.archives import statement
from tests.support.lake_services import Services

SHIFT = 2**40
"""Ids of the lake are this times the number of the log, plus the id there; docs/lake.md says so."""


class Shared:
    """A new lake in a database of its own."""

    def __init__(self, services: Services, name: str, *, is_stopped: bool = False) -> None:
        """Make the database `name`; `is_stopped`: the test stops its server, so that no connection stays open."""
        self.services, self.name, self._is_stopped = services, name, is_stopped
        self._reader: Lake | None = None
        self.store = services.new_database(name)

    @property
    def environment(self) -> dict[str, str]:
        return subprocesses.environment(**self.services.keys, OBS_STORE=self.store, OBS_DISABLED="1")

    def start(self, module: str, *options: str, **more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            subprocesses.command(module, *options, "--nice=0"),  # so that tests also end on a busy machine
            stdout=subprocess.PIPE, text=True, env={**self.environment, **more},
        )  # fmt: skip

    def write(self, log: Path, *options: str, code: int = 0) -> list[dict[str, Any]]:
        """Run the sealer to its end; return what it says. By default, it writes everything."""
        return finish(self.start("obs_core.lake.sealer", str(log), *options), code)

    def upkeep(self, *options: str, code: int = 0, **more: str) -> dict[str, int]:
        """Run the upkeep to its end; return what it did. By default, files that nothing names are deleted at once."""
        said = finish(self.start("obs_core.lake.upkeep", *(options or ("--grace-s=0",)), **more), code)
        return {line["action"]: line.get("count", 0) for line in said}

    def close(self) -> None:
        if self._reader:
            self._reader.connection.close()

    @contextmanager
    def lake(self) -> Iterator[Lake]:
        with closing(scanner.connect(400, threads=1)) as connection:
            yield Lake(connection, address.parse(self.store), address.keys(self.services.keys))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        if self._is_stopped:
            with self.lake() as lake:
                return [tuple(row) for row in lake.rows(sql)]
        if self._reader is None:  # opening it takes a second of processor time
            connection = scanner.connect(400, threads=1)
            self._reader = Lake(connection, address.parse(self.store), address.keys(self.services.keys))
        return [tuple(row) for row in self._reader.rows(sql)]

    def written(self, writer: int = 1) -> list[dict[str, Any]]:
        """The rows of one log by id, as the log has them: with its own ids."""
        cells = ", ".join(f'"{name}"' for name in COLUMNS)
        rows = self.rows(f"SELECT {cells} FROM lake.rows WHERE writer = {writer} ORDER BY id")
        named = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        for row in named:
            for name in ("id", "code_id", "run_id"):
                if row[name] is not None:
                    row[name] -= writer * SHIFT
        return named

    def until_id(self, writer: int = 1) -> int:
        return int(self.rows(f"SELECT until_id FROM lake.mark_{writer}")[0][0])

    def counts(self, writer: int = 1) -> tuple[int, int, int]:
        """Rows, different ids, and the mark."""
        count = f"SELECT count(*), count(DISTINCT id) FROM lake.rows WHERE writer = {writer}"
        rows, distinct = self.rows(count)[0]
        return rows, distinct, self.until_id(writer)

    def files(self) -> set[str]:
        """The names of all files in the bucket."""
        paths = self.rows(f"SELECT file FROM glob('{address.parse(self.store).data}/**')")
        return {path.rpartition("/")[2] for (path,) in paths}

    def named_files(self) -> set[str]:
        """The names of the files that the catalogue names."""
        listed = self.services.sql(
            self.name, "SELECT path FROM ducklake_data_file UNION ALL SELECT path FROM ducklake_delete_file"
        )
        return {path.rpartition("/")[2] for path in listed.splitlines()}


def finish(child: "subprocess.Popen[str]", code: int = 0) -> list[dict[str, Any]]:
    output, _ = child.communicate(timeout=200)
    assert child.returncode == code, output
    return [json.loads(line) for line in output.splitlines()]


def insert_bytes(log: Path, column: str, cell: bytes, row_id: int) -> None:
    """Put a text into a cell of the log that need not be UTF-8."""
    statement(log, f"UPDATE data_trace SET {column} = CAST(x'{cell.hex()}' AS TEXT) WHERE id = {row_id}")
