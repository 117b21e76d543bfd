"""Runs DuckDB for one process and nothing else: a child process started as `python -m obs_core.query.engine.worker`.

It reads requests from its standard input and ends the moment that ends, even in the middle of a question, so it never
outlives who started it. A bad question costs this process and nothing else: it is killed at its time limit and replaced
(ADR 1 says why nothing less stops one).
"""

import contextlib
import os
import queue
import signal
import sys
import threading
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from obs_core.errors import ObsError, SetupBroken
from obs_core.query.engine import protocol
from obs_core.query.engine.mirror import Mirror
from obs_core.store import sqlite

IDLE_S: Final = 0.2  # without a question, before the mirror is tended: a page asks its next one sooner
_SETTINGS: Final[dict[str, str | int]] = {
    "threads": 2,
    # What was freed goes back to the system: 12 MB over an empty log after a page of 100,000 rows, 48 MB without.
    "allocator_flush_threshold": "1MB",
    "allocator_bulk_deallocation_flush_threshold": "1MB",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "temp_directory": "",  # what doesn't fit the memory limit is an error, not a file on somebody's disk
}


class Reader:
    """DuckDB with one log attached, read-only and for one file at a time."""

    def __init__(self, memory_mb: int) -> None:
        """Start DuckDB with `memory_mb` MB at most, and the scanner.

        Raises:
            SetupBroken: the scanner can't be loaded.
        """
        self._connection = duckdb.connect(":memory:", config={**_SETTINGS, "memory_limit": f"{memory_mb}MB"})
        self._connection.execute(_scanner())
        # Several threads lose the newest row at multiples of 122,880 rows, and are no snapshot.
        self._connection.execute("SET sqlite_disable_multithreaded_scans = true")
        self._connection.create_function("mended", _mended, ["VARCHAR"], "VARCHAR")
        self._attached: tuple[str, int, int] | None = None
        self._claim: sqlite.Claim | None = None
        self._mirror: Mirror | None = None

    def answer(
        self, log: str, statement: str, parameters: dict[str, Any], mirror_at: list[int] | None = None
    ) -> pa.Table | None:
        """The answer to `statement` over the file `log`, read to its end in one transaction.

        With `mirror_at` (the version of the log that the mirror must have seen), the statement is one about the mirror,
        and the answer None where that is not up to date.
        """
        for value in parameters.values():
            str(value).encode()  # DuckDB's own error for a lone surrogate says nothing a reader could use
        self._attach(log)
        if mirror_at is not None and not self._follows(mirror_at):
            return None
        self._connection.execute("BEGIN TRANSACTION READ ONLY")
        try:
            table = self._connection.execute(statement, parameters).to_arrow_table()
            table.validate(full=True)  # DuckDB hands on text that is not UTF-8 unseen
            return table
        finally:
            with contextlib.suppress(duckdb.Error):
                self._connection.execute("ROLLBACK")

    def idle(self) -> bool:
        """Use a moment in which nobody asks; whether there is more to do at once."""
        try:
            return self._mirror is not None and self._mirror.idle()
        except duckdb.Error:
            self._forgo()
            return False

    def _follows(self, version: list[int]) -> bool:
        """Whether there is a mirror of the attached log that has seen `version`; it is made when first asked for."""
        try:
            self._mirror = self._mirror or Mirror(self._connection)
            return self._mirror.follow(version)
        except duckdb.Error:  # the log is locked, or needs too much memory: the usual way says what is to be said
            self._forgo()
            return False

    def _forgo(self) -> None:
        """Do without a mirror of the attached log."""
        if self._mirror:
            with contextlib.suppress(duckdb.Error):
                self._mirror.give_up()

    def _attach(self, log: str) -> None:
        """Have the file that now stands at `log` attached."""
        facts = Path(log).stat()
        wanted = (log, facts.st_dev, facts.st_ino)
        if wanted == self._attached:
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
        except duckdb.Error:
            claim.release()
            raise
        self._claim, self._attached = claim, wanted


def main(memory_mb: int) -> None:
    """Answer requests until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started this; its end of the pipe says the rest
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # nothing but answers goes to whoever asks
        try:
            reader = Reader(memory_mb)
        except (ObsError, duckdb.Error) as error:
            _send(answers, {"error": "setup", "message": str(error), "hint": getattr(error, "hint", "")})
            return
        _send(answers, {"ready": True})
        requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=_receive, args=(requests,), daemon=True).start()
        wait_s: float | None = None
        while True:
            try:
                request = requests.get(timeout=wait_s)
            except queue.Empty:
                wait_s = 0 if reader.idle() else None
                continue
            try:
                wait_s = IDLE_S
                table = reader.answer(**request)
                if table is None:
                    _send(answers, {"behind": True})
                else:
                    _send(answers, {"rows": table.num_rows}, _bytes(table))
            except (duckdb.Error, OSError, ObsError, pa.ArrowException, UnicodeError) as error:
                kind = "log" if isinstance(error, OSError | ObsError) else "duckdb"
                kind = "parameter" if isinstance(error, UnicodeEncodeError) else kind
                _send(answers, {"error": kind, "message": str(error), "hint": getattr(error, "hint", "")})


def _receive(requests: "queue.SimpleQueue[dict[str, Any]]") -> None:
    """Hand over what is asked; end the process when nobody can ask any more, whatever it is doing."""
    while (request := protocol.received(sys.stdin.buffer)) is not None:
        requests.put(request)
    os._exit(0)


def _mended(text_in_hex: str) -> str:
    """A text that is not UTF-8, with replacement characters: as sqlite3's side of the product reads it."""
    return bytes.fromhex(text_in_hex).decode("utf-8", "replace")


def _send(answers: Any, head: dict[str, Any], body: bytes | memoryview = b"") -> None:  # noqa: ANN401 - a binary stream
    for part in protocol.message(head, body):
        answers.write(part)
    answers.flush()


def _bytes(table: pa.Table) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return memoryview(sink.getvalue())


def _scanner() -> str:
    """The statement that loads the scanner: from its wheel, which must be of exactly DuckDB's version."""
    try:
        package = files("duckdb_extension_sqlite_scanner")
    except ModuleNotFoundError:
        return "INSTALL sqlite; LOAD sqlite"
    found = package.joinpath("extensions", f"v{duckdb.__version__}", "sqlite_scanner.duckdb_extension")
    if not found.is_file():
        message = f"duckdb is {duckdb.__version__}, but its SQLite scanner is of another version."
        raise SetupBroken(message, "Install both as requirements.txt pins them: pip install -r requirements.txt")
    path = str(found).replace("'", "''")
    return f"LOAD '{path}'"


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except BrokenPipeError:
        os._exit(1)  # the thread that waits for input would stop an orderly end
