"""Writes a log to the lake step by step: rows and mark in one commit, which is done again if another writer was first.

A row is written when it was in the log for a minute, because many are superseded within it (a call gets its end).
Those that are superseded later are deleted from the lake.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

from obs_core import scanner
from obs_core.archive.log_rows import is_encoding, selected
from obs_core.archive.manifest import ANCHOR
from obs_core.archive.rollups import DAY_NS, slot
from obs_core.archive.sealed_log import SealedLog
from obs_core.archive.sealing_again import is_memory
from obs_core.lake.lake import Lake
from obs_core.lake.schema import CODE_COLUMNS, CODE_INTEGERS, REFERENCES, RUN_COLUMNS, RUN_INTEGERS, SHIFT
from obs_core.lake.writer import Mark, Writer
from obs_core.store.foreign import COLUMNS, INTEGER_COLUMNS

BATCH_ROWS: Final = 60_000
_CHUNK: Final = 20  # superseded ids are counted by chunks of a million ids
_NO_END: Final = 2**62
_IDS: Final = "id > ? AND id <= ?"
_LOADED: Final = (
    "SELECT (SELECT count(*) FROM new_rows), (SELECT coalesce(max(id), 0) FROM new_code),"
    " (SELECT coalesce(max(id), 0) FROM new_run)"
)
_COUNTED: Final = f"SELECT id >> {_CHUNK}, count(*) FROM superseded WHERE id > ? AND id <= ? GROUP BY 1"


class Step(NamedTuple):
    """What one step did, how many rows it wrote or deleted, and the mark after it."""

    action: str
    rows: int
    mark: Mark


class _Batch(NamedTuple):
    """What was read of the log, for the mark after it."""

    rows: int
    mark: Mark


class Sealing:
    """The writing of one log. Several processes may do it at once: each row is written once."""

    def __init__(self, log: SealedLog, lake: Lake, writer: Writer, *, batch_rows: int = BATCH_ROWS) -> None:
        """Nothing is written before `steps`; `log` and `lake` use the same connection."""
        self._log, self._lake, self._writer, self._batch_rows = log, lake, writer, batch_rows

    def steps(self, settled_id: int, settled_ns: int, now_ns: int) -> Iterator[Step]:
        """Write the rows up to `settled_id`, which are all that reached the log before `settled_ns`.

        Raises:
            scanner.Error: the log or the lake failed.
        """
        while True:
            before = self._writer.mark()
            try:
                batch = self._read(before, settled_id, settled_ns, now_ns)
                if batch is None:
                    break
                is_written = self._lake.commit(partial(self._write, before, batch))
            except scanner.Error as error:
                if not is_memory(error) or self._batch_rows == 1:
                    raise
                self._batch_rows = max(1, self._batch_rows // 8)  # rows with long texts
                continue
            if is_written:
                yield Step("written", batch.rows, batch.mark)
        yield from self._corrections()

    def _read(self, before: Mark, settled_id: int, settled_ns: int, now_ns: int) -> _Batch | None:
        """Read the next rows into the temporary tables `new_rows`, `new_code` and `new_run`; None if there are none."""
        newest = self._log.ends()[1]
        settled_id = min(settled_id, newest)
        if settled_id <= before.until_id and before.complete_ns >= settled_ns:
            return None
        statement = "SELECT max(id) FROM (SELECT id FROM data_trace WHERE id > ? AND id <= ? ORDER BY id LIMIT ?)"
        last = self._log.number(statement, before.until_id, settled_id, self._batch_rows)
        until_id = max(before.until_id, settled_id) if last is None else last
        is_last = until_id >= settled_id
        try:
            anchor, counted = self._load(before, until_id, repaired=False)
        except scanner.Error as error:
            if not is_encoding(error):
                raise
            anchor, counted = self._load(before, until_id, repaired=True)
        chunks = before.chunks
        for chunk, count in counted.items():
            chunks[chunk] = chunks.get(chunk, 0) + count
        rows, code_id, run_id = self._lake.rows(_LOADED)[0]
        mark = Mark(
            until_id, anchor, max(code_id, before.code_id), max(run_id, before.run_id), json.dumps(chunks),
            newest, now_ns, max(before.complete_ns, settled_ns) if is_last else before.complete_ns,
        )  # fmt: skip
        return _Batch(rows, mark)

    def _load(self, before: Mark, until_id: int, *, repaired: bool) -> tuple[str, dict[int, int]]:
        """Read the rows after `before`; returns the anchor of the last one, and the superseded ids by chunk."""
        connection = self._lake.connection
        parts = (
            ("rows", COLUMNS, (before.until_id, until_id), "data_trace", INTEGER_COLUMNS),
            ("code", CODE_COLUMNS, (before.code_id, _NO_END), "code", CODE_INTEGERS),
            ("run", RUN_COLUMNS, (before.run_id, _NO_END), "run", RUN_INTEGERS),
        )
        connection.execute("BEGIN TRANSACTION")  # one state of the log
        try:
            for name, columns, ids, table, integers in parts:
                cells = selected(columns, _IDS, ids, repaired=repaired, table=table, integers=integers)
                connection.execute(f"CREATE OR REPLACE TEMP TABLE new_{name} AS {cells}")
            counted = self._log.rows(_COUNTED, before.until_id, until_id)
            anchors = self._log.rows(f"{ANCHOR} WHERE id = ?", until_id)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(scanner.Error):
                connection.execute("ROLLBACK")
            raise
        return anchors[0][1] if anchors else "", {int(chunk): int(count) for chunk, count in counted}

    def _write(self, before: Mark, batch: _Batch) -> bool:
        """Write what was read; False if another process wrote it."""
        if self._writer.mark() != before:
            return False
        number = self._writer.number
        if batch.rows:
            day = f"{slot(DAY_NS)}::INTEGER AS day"
            self._insert("rows", COLUMNS, f"{number} AS writer, {day}", "ORDER BY timestamp, id")
        if batch.mark.code_id > before.code_id:
            self._insert("code", CODE_COLUMNS, f"{number} AS writer", "")
        if batch.mark.run_id > before.run_id:
            self._insert("run", RUN_COLUMNS, f"{number} AS writer", "")
        self._writer.set_mark(batch.mark)
        return True

    def _insert(self, table: str, columns: tuple[str, ...], more: str, order: str) -> None:
        first = self._writer.number << SHIFT
        cells = ", ".join(f'"{name}" + {first} AS "{name}"' if name in REFERENCES else f'"{name}"' for name in columns)
        self._lake.execute(f"INSERT INTO lake.{table} BY NAME SELECT {more}, {cells} FROM new_{table} {order}")

    def _corrections(self) -> Iterator[Step]:
        """Delete the rows that were superseded after they were written."""
        while True:
            before = self._writer.mark()
            current = {int(chunk): int(count) for chunk, count in self._log.rows(_COUNTED, -1, before.until_id)}
            differing = [chunk for chunk, count in sorted(current.items()) if before.chunks.get(chunk, 0) != count]
            if not differing:
                return
            chunk = differing[0]
            ids = ((chunk << _CHUNK) - 1, min(before.until_id, ((chunk + 1) << _CHUNK) - 1))
            cells = selected(("id",), _IDS, ids, repaired=False, table="superseded", integers=frozenset({"id"}))
            first = self._writer.number << SHIFT
            self._lake.execute(f"CREATE OR REPLACE TEMP TABLE gone AS SELECT id + {first} AS id FROM ({cells})")
            count = int(self._lake.rows("SELECT count(*) FROM gone")[0][0])
            after = before._replace(superseded=json.dumps({**before.chunks, chunk: count}))
            deleted = self._lake.commit(partial(self._delete, before, after, ids))
            if deleted is not None:
                yield Step("deleted", deleted, after)

    def _delete(self, before: Mark, after: Mark, ids: tuple[int, int]) -> int | None:
        """Delete the rows of the table `gone`; None if another process moved the mark."""
        if self._writer.mark() != before:
            return None
        first = self._writer.number << SHIFT
        where = f"writer = {self._writer.number} AND id > {first + ids[0]} AND id <= {first + ids[1]}"
        rows = self._lake.rows(f"DELETE FROM lake.rows WHERE {where} AND id IN (SELECT id FROM gone)")
        self._writer.set_mark(after)
        return int(rows[0][0])
