"""Keeps the shared lake small and fast, and ends: a child process started as `python -m obs_core.lake.upkeep`.

One host does it at a time: the one that gets PostgreSQL's advisory lock. It indexes traces, merges small files, deletes
rows that are too old, forgets old snapshots and deletes the files that nothing names.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Final, NamedTuple

from obs_core import scanner
from obs_core.archive.rollups import DAY_NS
from obs_core.clock import now_ns
from obs_core.errors import ObsError, StoreUnreachable
from obs_core.lake import address, writing
from obs_core.lake.lake import Lake
from obs_core.lake.schema import SHIFT, TABLES
from obs_core.lake.writers import writers
from obs_core.settings import from_environment

LOCK: Final = 0x6F62735F6C616B65
"""The advisory lock's number: the letters `obs_lake`."""
MEMORY_MB: Final = 800
_INDEX_IDS: Final = 2_000_000
_SMALL_BYTES: Final = 32 << 20
"""Files up to this size are merged; larger ones are not written again."""
_FILES_AT_ONCE: Final = 200
_DAY_FILES: Final = ("rows", "trace_index")


class Step(NamedTuple):
    """What was done, and to how many rows, files or snapshots."""

    action: str
    number: int


class Upkeep:
    """The upkeep of one lake; its caller holds the lock."""

    def __init__(self, lake: Lake, now: int, *, keep_ns: int | None = None, grace_ns: int = writing.GRACE_NS) -> None:
        """Rows are deleted a day after they are `keep_ns` old; files that nothing names after `grace_ns`."""
        self._lake, self._now_ns, self._keep_ns, self._grace_ns = lake, now, keep_ns, grace_ns

    def steps(self) -> Iterator[Step]:
        """Do all that is due.

        Raises:
            scanner.Error: the lake failed.
        """
        for writer in writers(self._lake):
            yield from self._index(writer.writer, writer.mark.until_id)
        if self._keep_ns is not None:
            yield from self._delete_days((self._now_ns - self._keep_ns) // DAY_NS)
        rewritten = "SELECT count(*) FROM ducklake_rewrite_data_files('lake', 'rows', delete_threshold => 0)"
        yield Step("files with deleted rows written again", self._again(rewritten))
        for table in TABLES:
            if table.in_files:
                yield Step(f"files of {table.name} merged", self._merge(table.name))
        older = f"to_timestamp({(self._now_ns - self._grace_ns) / 1e9!r})"
        expired = f"SELECT count(*) FROM ducklake_expire_snapshots('lake', older_than => {older})"
        yield Step("snapshots forgotten", int(self._lake.rows(expired)[0][0]))
        yield Step("files deleted", writing.clean(self._lake, self._now_ns, grace_ns=self._grace_ns))
        orphans = writing.delete_orphans(self._lake, self._now_ns, grace_ns=self._grace_ns)
        yield Step("files of killed processes deleted", len(orphans))

    def _index(self, writer: int, until_id: int) -> Iterator[Step]:
        """Index the traces of the rows that are not indexed yet."""
        first = writer << SHIFT
        indexed = self._lake.rows("SELECT until_id FROM lake.indexed WHERE writer = ?", writer)
        after_id = int(indexed[0][0]) if indexed else first
        while after_id < first + until_id:
            last_id = min(first + until_id, after_id + _INDEX_IDS)
            yield Step("rows indexed", self._lake.commit(partial(self._add_traces, writer, after_id, last_id)))
            after_id = last_id

    def _add_traces(self, writer: int, after_id: int, last_id: int) -> int:
        self._lake.execute(
            "INSERT INTO lake.trace_index BY NAME"
            " SELECT trace_id, day, writer, min(timestamp) AS first_ns, max(timestamp) AS last_ns, count(*) AS rows"
            " FROM lake.rows WHERE writer = ? AND id > ? AND id <= ? AND trace_id IS NOT NULL"
            " GROUP BY trace_id, day, writer ORDER BY trace_id",
            *(writer, after_id, last_id),
        )
        self._lake.execute("DELETE FROM lake.indexed WHERE writer = ?", writer)
        self._lake.execute("INSERT INTO lake.indexed VALUES (?, ?)", writer, last_id)
        return last_id - after_id

    def _delete_days(self, first_day: int) -> Iterator[Step]:
        """Delete the days before `first_day`: whole files, without reading them."""
        for table in _DAY_FILES:
            days = self._lake.rows(f"SELECT DISTINCT day FROM lake.{table} WHERE day < ? ORDER BY day", first_day)
            for (day,) in days:
                statement = f"DELETE FROM lake.{table} WHERE day = {int(day)}"
                deleted = self._lake.commit(lambda statement=statement: self._lake.rows(statement))  # type: ignore[misc]
                yield Step(f"{table} of day {day} deleted", int(deleted[0][0]))

    def _merge(self, table: str) -> int:
        """Merge small files; returns how many were. A writer that was first makes it start again."""
        merged = 0
        while True:
            statement = (
                "SELECT coalesce(sum(files_processed), 0) FROM ducklake_merge_adjacent_files("
                f"'lake', '{table}', max_file_size => {_SMALL_BYTES}, max_compacted_files => {_FILES_AT_ONCE})"
            )
            count = self._again(statement)
            merged += count
            if count < _FILES_AT_ONCE:
                return merged

    def _again(self, statement: str) -> int:
        """The number that `statement` returns; it commits by itself, and is done again if a writer was first."""
        return int(self._lake.again(lambda: self._lake.rows(statement))[0][0])


@contextmanager
def elected(lake: Lake) -> Iterator[bool]:
    """Whether this process is the one that does the upkeep, as long as the block runs."""
    cursor = lake.connection.cursor()
    try:
        cursor.execute("BEGIN TRANSACTION")  # the lock is that of this transaction's connection
        query = f"SELECT * FROM postgres_query('catalog', 'SELECT pg_try_advisory_xact_lock({LOCK})')"
        yield bool(cursor.execute(query).fetchall()[0][0])
    finally:
        with suppress(scanner.Error):
            cursor.execute("ROLLBACK")
        cursor.close()


def main(arguments: list[str]) -> int:
    """Do what is due; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m obs_core.lake.upkeep")
    parser.add_argument(
        "--grace-s", type=float, default=writing.GRACE_NS / 1e9, help="age of files that may be deleted"
    )
    parser.add_argument("--nice", type=int, default=19, help="by how much its priority is lowered")
    options = parser.parse_args(arguments)
    with suppress(OSError):
        os.nice(options.nice)
    settings = from_environment()
    try:
        store = address.parse(settings.store)
        with closing(scanner.connect(MEMORY_MB, threads=1)) as connection:
            lake = Lake(connection, store, address.keys(os.environ))
            try:
                _run(lake, settings.keep_store_ns, round(options.grace_s * 1e9), now_ns)
            except scanner.Error as error:
                raise lake.translated(error) from error
    except ObsError as error:
        _say({"error": error.message, "hint": error.hint, "away": isinstance(error, StoreUnreachable)})
        return error.exit_code
    return 0


def _run(lake: Lake, keep_ns: int | None, grace_ns: int, clock: Callable[[], int]) -> None:
    with elected(lake) as is_mine:
        if not is_mine:
            _say({"action": "another host does the upkeep"})
            return
        with writing.registered(lake, writing.EVERYTHING, clock) as before_step:
            for step in Upkeep(lake, clock(), keep_ns=keep_ns, grace_ns=grace_ns).steps():
                before_step()
                _say({"action": step.action, "count": step.number})


def _say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenPipeError:
        os._exit(1)  # its parent has ended
