"""Files that a killed process wrote and no commit names.

Each process that writes files has an entry in the catalogue's table `obs_writing`, which it deletes when it ends well.
The entry of a killed one leads to its files: those in the folders of its tables, made (their names have the time) since
it started, that the catalogue does not name. So the bucket is never listed as a whole, and files that a running process
is writing are never deleted, because they are younger than an hour.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from obs_core import scanner
from obs_core.clock import HOUR, MILLISECOND, MINUTE
from obs_core.lake.lake import Lake, quoted
from obs_core.lake.schema import TABLES

EVERYTHING: Final = 0
"""The writer of a process that writes files of all tables: upkeep."""
GRACE_NS: Final = HOUR
_NAMED: Final = re.compile(r"ducklake-([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}[^/]*\.parquet")
_FIRST_ID: Final = 1 << 62  # of entries that are deleted: no file of the catalogue has such a number


@contextmanager
def registered(lake: Lake, writer: int, now_ns: Callable[[], int]) -> Iterator[Callable[[], None]]:
    """Have an entry as long as the block runs; call the function before each step. It stays if the block fails."""
    name, started_ns = uuid.uuid4().hex, now_ns()
    lake.in_catalog(f"INSERT INTO obs_writing VALUES ('{name}', {writer}, {started_ns}, {started_ns})")

    def step() -> None:
        lake.in_catalog(f"UPDATE obs_writing SET step_ns = {now_ns()} WHERE id = '{name}'")

    yield step
    lake.in_catalog(f"DELETE FROM obs_writing WHERE id = '{name}'")


def delete_orphans(lake: Lake, now_ns: int, *, grace_ns: int = GRACE_NS) -> list[str]:
    """Delete the files of processes that made no step for `grace_ns`; returns their paths below the lake's folder."""
    statement = f"SELECT id, writer, started_ns FROM obs_writing WHERE step_ns <= {now_ns - grace_ns}"
    entries = lake.rows(f"SELECT * FROM postgres_query('catalog', {quoted(statement)})")
    deleted: list[str] = []
    for name, writer, started_ns in entries:
        orphans = _orphans(lake, int(writer), int(started_ns), now_ns - grace_ns)
        if orphans:
            first = _FIRST_ID + uuid.uuid4().int % _FIRST_ID // 2
            rows = ", ".join(
                f"({first + number}, {quoted(path)}, true, to_timestamp(0))" for number, path in enumerate(orphans)
            )
            lake.in_catalog(f"INSERT INTO ducklake_files_scheduled_for_deletion VALUES {rows}")
            clean(lake, now_ns, grace_ns=grace_ns)
        lake.in_catalog(f"DELETE FROM obs_writing WHERE id = {quoted(str(name))}")
        deleted += orphans
    return deleted


def clean(lake: Lake, now_ns: int, *, grace_ns: int = GRACE_NS) -> int:
    """Delete the files that no snapshot names since `grace_ns`; returns how many."""
    older = f"to_timestamp({(now_ns - grace_ns) / 1e9!r})"
    return int(lake.rows(f"SELECT count(*) FROM ducklake_cleanup_old_files('lake', older_than => {older})")[0][0])


def _orphans(lake: Lake, writer: int, started_ns: int, until_ns: int) -> list[str]:
    known = {
        str(path).rpartition("/")[2]
        for table in ("ducklake_data_file", "ducklake_delete_file", "ducklake_files_scheduled_for_deletion")
        for (path,) in lake.rows(f"SELECT path FROM catalog.public.{table}")
    }
    root = f"{lake.address.data}/"
    folders = [f"main/{table.name}" for table in TABLES if table.in_files]
    if writer != EVERYTHING:
        folders = [f"main/rows/writer={writer}", "main/code", "main/run"]
    orphans = []
    for folder in folders:
        files: list[str] = []
        with suppress(scanner.Error):  # a folder without files
            files = [str(path) for (path,) in lake.rows(f"SELECT file FROM glob({quoted(f'{root}{folder}/**')})")]
        for path in files:
            name = path.rpartition("/")[2]
            match = _NAMED.fullmatch(name)
            if match is None or name in known:
                continue
            made_ns = int(match[1] + match[2], 16) * MILLISECOND
            if started_ns - MINUTE <= made_ns <= until_ns:
                orphans.append(path.removeprefix(root))
    return orphans
