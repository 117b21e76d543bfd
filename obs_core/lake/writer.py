"""Which number a log has in a lake, and how far it is written: its table `mark_N` with one row.

A table of its own for each log: with one table for all, most steps of several hosts conflicted. The row is made with
the table, because a change of a row that is not there conflicts with nothing.
"""

import json
import os
import socket
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from obs_core import safe_files
from obs_core.archive.manifest import ANCHOR
from obs_core.archive.sealed_log import SealedLog
from obs_core.lake.lake import Lake, quoted
from obs_core.lake.schema import MARK_COLUMNS
from obs_core.paths import folder_of

KEY_NAME: Final = "lake.key"
_KEY_LENGTH: Final = 32


class Mark(NamedTuple):
    """How far a log is written. Ids are those of the log.

    Rows up to `until_id` are in the lake, code and runs up to `code_id` and `run_id`. `anchor` identifies the row with
    `until_id`. `superseded` counts the superseded ids up to it that are not in the lake, by `id >> 20`, as JSON. All
    rows that reached the log before `complete_ns` are in the lake. At `time_ns`, `newest_id` was the log's newest row.
    """

    until_id: int = 0
    anchor: str = ""
    code_id: int = 0
    run_id: int = 0
    superseded: str = "{}"
    newest_id: int = 0
    time_ns: int = 0
    complete_ns: int = 0

    @property
    def chunks(self) -> dict[int, int]:
        """The superseded ids by chunk."""
        return {int(chunk): count for chunk, count in json.loads(self.superseded).items()}


class Writer:
    """A log in a lake."""

    def __init__(self, lake: Lake, number: int) -> None:
        """The log with this number."""
        self._lake, self.number = lake, number

    def mark(self) -> Mark:
        """How far it is written."""
        row: Any = self._lake.rows(f"SELECT {', '.join(MARK_COLUMNS)} FROM lake.mark_{self.number}")[0]
        return Mark(*row)

    def create_mark(self) -> None:
        """Make the table of the mark, if there is none, together with its row."""
        table = f"mark_{self.number}"
        if not self._lake.rows("SELECT 1 FROM duckdb_tables() WHERE database_name = 'lake' AND table_name = ?", table):
            cells = ", ".join(f'CAST(? AS {kind}) AS "{name}"' for name, kind in MARK_COLUMNS.items())
            self._lake.execute(f"CREATE TABLE lake.{table} AS SELECT {cells}", *Mark())

    def introduce(self, row: tuple[object, ...]) -> None:
        """Put `row` into the table of writers, if the log is not there; of two processes at once, one does it."""
        if not self._lake.rows("SELECT 1 FROM lake.writer WHERE writer = ?", self.number):
            self._lake.execute("INSERT INTO lake.writer VALUES (?, ?, ?, ?, ?)", *row)
            self.set_mark(self.mark())  # the mark makes both conflict

    def set_mark(self, mark: Mark) -> None:
        """Replace the mark, in the transaction that writes the rows."""
        self._lake.execute(f"DELETE FROM lake.mark_{self.number}")
        self._lake.execute(f"INSERT INTO lake.mark_{self.number} VALUES ({', '.join('?' * len(mark))})", *mark)


def writer_of(lake: Lake, log: SealedLog, path: Path, now_ns: int) -> Writer:
    """The log at `path` in the lake; it gets a number if it has none, or if another log was at this path before.

    Raises:
        OSError: the log's folder can't be written.
    """
    writer = _registered(lake, path, key_of(path), now_ns)
    if not _belongs(log, writer.mark()):
        writer = _registered(lake, path, key_of(path, replace=True), now_ns)
    return writer


def key_of(path: Path, *, replace: bool = False) -> str:
    """The random text that identifies the log; in a file of its folder, which is made once."""
    folder = Path(folder_of(str(path)))
    file = folder / KEY_NAME
    safe_files.make_folder(folder)
    if replace:
        with suppress(FileNotFoundError):
            file.unlink()
    part = folder / f"{KEY_NAME}.{os.getpid()}.new"
    with suppress(FileNotFoundError):
        part.unlink()
    descriptor = safe_files.make_file(part)
    try:
        os.write(descriptor, uuid.uuid4().hex.encode("ascii"))
    finally:
        os.close(descriptor)
    try:
        with suppress(FileExistsError):
            os.link(part, file)  # of two processes, one succeeds; both then read the same key
    finally:
        part.unlink()
    with os.fdopen(safe_files.open_file(file), "rb") as opened:
        return opened.read(_KEY_LENGTH).decode("ascii", "replace")


def _registered(lake: Lake, path: Path, key: str, now_ns: int) -> Writer:
    """The log with this key, which is registered if it is new."""
    # PostgreSQL gives the number: of two processes with one key, or two hosts, each gets the right one.
    number = "SELECT number FROM catalog.public.obs_writer WHERE key = ?"
    rows = lake.rows(number, key)
    if not rows:
        lake.in_catalog(f"INSERT INTO obs_writer (key) VALUES ({quoted(key)}) ON CONFLICT DO NOTHING")
        rows = lake.rows(number, key)
    writer = Writer(lake, int(rows[0][0]))
    lake.commit(writer.create_mark)
    row = (writer.number, key, socket.gethostname(), str(path), now_ns)
    lake.commit(lambda: writer.introduce(row))
    return writer


def _belongs(log: SealedLog, mark: Mark) -> bool:
    """Whether `mark` is about this log, not about one that was at its path before."""
    if mark.until_id == 0:
        return True
    if log.ends()[1] < mark.until_id:
        return False
    rows = log.rows(f"{ANCHOR} WHERE id = ?", mark.until_id)
    return not rows or rows[0][1] == mark.anchor  # a row that is gone was superseded, or deleted by retention
