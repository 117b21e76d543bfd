"""Runs DuckDB for one process and nothing else: a child process started as `python -m obs_core.query.engine.worker`.

It reads requests from its standard input and exits as soon as that is closed, even during a query, so it never outlives
its parent. A bad query costs only this process: it is killed at its time limit and replaced (ADR 1 says why nothing
less stops a query).
"""

import contextlib
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from obs_core import scanner
from obs_core.errors import ObsError
from obs_core.query.engine import protocol
from obs_core.query.engine.mirror import Mirror
from obs_core.query.engine.protocol import STREAMED
from obs_core.store import sqlite

IDLE_S: Final = 0.2  # without a request, until the mirror is updated: a page sends its next request sooner

PARTIALS: Final = 24  # tables of partial answers: those of a page and the window before, of a few windows
PARTIAL_ENTRIES: Final = 3_000_000
"""Buckets of the sketches in all tables of partial answers, about 30 MB: 30 days of 200 functions have 50,000."""


class Reader:
    """DuckDB with one log attached, read-only, one file at a time."""

    def __init__(self, memory_mb: int) -> None:
        """Start DuckDB with `memory_mb` MB at most, and the scanner.

        Raises:
            SetupBroken: the scanner can't be loaded.
        """
        self._connection = scanner.connect(memory_mb, threads=2)
        self._connection.execute("SET parquet_metadata_cache = true")
        self._attached: tuple[str, int, int] | None = None
        self._claim: sqlite.Claim | None = None
        self._mirror: Mirror | None = None
        self._partials: dict[str, int] = {}  # the tables of partial answers and their sizes, in the order of their use

    def answer(
        self,
        statement: str,
        parameters: dict[str, Any],
        *,
        log: str | None = None,
        rows: pa.Table | None = None,
        mirror_at: list[int] | None = None,
        mirror_after_id: int = 0,
        partials: dict[str, str] | None = None,
    ) -> pa.Table | None:
        """The answer to `statement` over the file `log`, read to its end in one transaction, or over `rows`.

        With `mirror_at` (the version of the log that the mirror must have read), the statement reads from the mirror,
        which needs only rows with an id above `mirror_after_id`; the answer is None if the mirror is not up to date.
        `partials` are tables that the statement needs and this process keeps, by their names (`planner.Plan`).
        """
        for value in parameters.values():
            str(value).encode()  # DuckDB's own error for a lone surrogate does not explain it
        if rows is not None:
            return self._over(rows, statement, parameters)
        assert log
        self._attach(log)
        if mirror_at is not None and not self._follows(mirror_at, mirror_after_id):
            return None
        if partials:
            self._keep(partials, parameters)
        self._connection.execute("BEGIN TRANSACTION READ ONLY")
        try:
            table = self._connection.execute(statement, parameters).to_arrow_table()
            table.validate(full=True)  # DuckDB does not check that text is UTF-8
            return table
        finally:
            with contextlib.suppress(scanner.Error):
                self._connection.execute("ROLLBACK")

    def _over(self, rows: pa.Table, statement: str, parameters: dict[str, Any]) -> pa.Table:
        """The answer to `statement` over the table `streamed`, which has the `rows` that came with the request."""
        self._connection.register(f"{STREAMED}_arrow", rows)
        try:
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {STREAMED} AS SELECT * FROM {STREAMED}_arrow")
            return self._connection.execute(statement, parameters).to_arrow_table()
        finally:
            self._connection.unregister(f"{STREAMED}_arrow")
            self._connection.execute(f"DROP TABLE IF EXISTS {STREAMED}")

    def _keep(self, partials: dict[str, str], parameters: dict[str, Any]) -> None:
        """Make the tables that are not there yet, and drop those that were not needed for longest."""
        for name, statement in partials.items():
            size = self._partials.pop(name, None)
            if size is None:
                given = {key: value for key, value in parameters.items() if f"${key}" in statement}
                self._connection.execute(f"CREATE TABLE {name} AS {statement}", given)
                buckets = "coalesce(sum(len(keys)), 0)" if " keys" in statement else "0"
                [(size,)] = self._connection.execute(f"SELECT (count(*) + {buckets})::BIGINT FROM {name}").fetchall()
            self._partials[name] = size
        for name in [name for name in self._partials if name not in partials]:
            if len(self._partials) <= PARTIALS and sum(self._partials.values()) <= PARTIAL_ENTRIES:
                break
            self._connection.execute(f"DROP TABLE {name}")
            del self._partials[name]

    def idle(self) -> bool:
        """Update the mirror between requests; whether there is more to do immediately."""
        try:
            return self._mirror is not None and self._mirror.idle()
        except scanner.Error:
            self._drop_mirror()
            return False

    def _follows(self, version: list[int], after_id: int) -> bool:
        """Whether there is a mirror of the attached log that has read `version`; the first call creates it."""
        try:
            self._mirror = self._mirror or Mirror(self._connection)
            return self._mirror.follow(version, after_id)
        except scanner.Error:  # the log is locked, or needs too much memory: the default access path reports it
            self._drop_mirror()
            return False

    def _drop_mirror(self) -> None:
        """Use no mirror of the attached log."""
        if self._mirror:
            with contextlib.suppress(scanner.Error):
                self._mirror.disable()

    def _attach(self, log: str) -> None:
        """Attach the file that is now at `log`."""
        stat = Path(log).stat()
        identity = (log, stat.st_dev, stat.st_ino)
        if identity == self._attached:
            return
        if self._mirror:
            self._mirror.close()
            self._mirror = None
        if self._claim:
            self._connection.execute("DETACH log")
            self._claim.release()
            self._attached = self._claim = None
        claim = sqlite.Claim(Path(log), "duckdb")
        quoted = log.replace("'", "''")
        try:
            self._connection.execute(f"ATTACH '{quoted}' AS log (TYPE sqlite, READ_ONLY)")
        except scanner.Error:
            claim.release()
            raise
        self._claim, self._attached = claim, identity


def main(memory_mb: int) -> None:
    """Answer requests until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the pipe
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # only answers go to the parent
        try:
            reader = Reader(memory_mb)
        except (ObsError, scanner.Error) as error:
            _send(answers, {"error": "setup", "message": str(error), "hint": getattr(error, "hint", "")})
            return
        _send(answers, {"ready": True})
        requests: queue.SimpleQueue[tuple[dict[str, Any], bytes]] = queue.SimpleQueue()
        threading.Thread(target=_receive, args=(requests,), daemon=True).start()
        wait_s: float | None = None
        while True:
            try:
                request, body = requests.get(timeout=wait_s)
            except queue.Empty:
                wait_s = 0 if reader.idle() else None
                continue
            try:
                wait_s = IDLE_S
                rows = pa.ipc.open_stream(body).read_all() if body else None
                table = reader.answer(**request, rows=rows)
                if table is None:
                    _send(answers, {"behind": True})
                else:
                    _send(answers, {"rows": table.num_rows}, protocol.arrow_bytes(table))
            except (scanner.Error, OSError, ObsError, pa.ArrowException, UnicodeError) as error:
                kind = "log" if isinstance(error, OSError | ObsError) else "duckdb"
                kind = "parameter" if isinstance(error, UnicodeEncodeError) else kind
                _send(answers, {"error": kind, "message": str(error), "hint": getattr(error, "hint", "")})


def _receive(requests: "queue.SimpleQueue[tuple[dict[str, Any], bytes]]") -> None:
    """Queue the requests; exit when the input is closed, whatever the process is doing."""
    while (request := protocol.received(sys.stdin.buffer)) is not None:
        requests.put(request)
    os._exit(0)


def _send(answers: Any, head: dict[str, Any], body: bytes | memoryview = b"") -> None:  # noqa: ANN401 - a binary stream
    for part in protocol.message(head, body):
        answers.write(part)
    answers.flush()


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except BrokenPipeError:
        os._exit(1)  # the thread that waits for input would block a normal exit
