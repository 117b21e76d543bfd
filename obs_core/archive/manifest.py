"""The manifest of an archive: the SQLite file that names the pieces and says how far the log is sealed.

`<log>.archive/` has `manifest.db` and a folder of Parquet files for each kind of piece. The rows with
`from_id < id <= until_id` are sealed. Pieces and range change in one transaction, so a reader that takes both from one
`view` sees each row once. A file that no piece names was left by a sealer that was killed.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from obs_core import safe_files
from obs_core.errors import ArchiveMoved
from obs_core.store import migrations, sqlite

SUFFIX: Final = ".archive"
NAME: Final = "manifest.db"
_NOW: Final = "gone_ns IS NULL"
_SEALED: Final = (
    *("from_id", "until_id", "older_ns", "superseded", "first_anchor", "last_anchor"),
    *("pruned_id", "pruned_ns", "pruned_at_ns"),
)
ANCHOR_TEXT: Final = "hex(CAST(timestamp || '/' || coalesce(span_id, '') || '/' || data AS BLOB))"
"""SQL for the text of an anchor; in hex, because both SQLite libraries read it, and the text need not be UTF-8."""


def anchor_sql(rows: str) -> str:
    """SQL for the ids and the texts of the anchors among `rows`, a table expression."""
    return f"SELECT id, {ANCHOR_TEXT} FROM {rows}"


ANCHOR: Final = anchor_sql("data_trace")


class Anchor(NamedTuple):
    """A sealed row of the log, and a text that identifies it."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """The range of the log that is sealed.

    `older_ns` is the time of the latest row that is not sealed because its id is up to `from_id`; None: there is none.
    `superseded` is how many ids of the table `superseded` are in the range and in no piece. Rows with ids up to
    `pruned_id` are deleted from the log, some time after `pruned_at_ns`; `pruned_ns` is the time of the latest of them.
    """

    from_id: int
    until_id: int
    older_ns: int | None
    superseded: int
    first: Anchor
    last: Anchor
    pruned_id: int = 0
    pruned_ns: int | None = None
    pruned_at_ns: int = 0

    def may_be_gone(self, anchor: Anchor) -> bool:
        """Whether the log need not have the row of `anchor` any more."""
        return anchor.id <= self.pruned_id


class Piece(NamedTuple):
    """One Parquet file: `what` it contains, the day (days since 1970 UTC), and the extent of its rows in the log."""

    what: str
    day: int
    file: str
    rows: int
    bytes: int
    checksum: str
    first_ns: int
    last_ns: int
    first_id: int
    last_id: int


class View(NamedTuple):
    """The sealed range, the pieces that may have rows of a window, and the time of the latest row in any piece."""

    sealed: Sealed
    pieces: list[Piece]
    last_ns: int


def folder_of(log: Path) -> Path:
    """The folder of the archive of `log`."""
    return log.absolute().with_name(log.name + SUFFIX)


class Manifest:
    """The manifest in `folder`, open for reading, or for writing if `write`."""

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        """Open it; create it if it does not exist and `write`.

        Raises:
            LogMissing: it does not exist.
            ObsError: it can't be read.
        """
        self.folder = folder
        path = folder / NAME
        if write:
            safe_files.make_folder(folder)
            self._connection = migrations.open_database(path, "obs_core.archive", synchronous="FULL")
        else:
            self._connection = sqlite.connect(path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        """The manifest itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def sealed(self) -> Sealed | None:
        """The range that is sealed; None if nothing is."""
        rows = self._read(f"SELECT {', '.join(_SEALED)} FROM sealed")
        if not rows:
            return None
        from_id, until_id, older_ns, superseded, first, last, *pruned = rows[0]
        return Sealed(from_id, until_id, older_ns, superseded, _anchor(first), _anchor(last), *pruned)

    def pieces(self, what: str | None = None, day: int | None = None) -> list[Piece]:
        """The pieces of this kind and day (None: of all), oldest day first."""
        return list(self._pieces("(:what IS NULL OR what = :what) AND (:day IS NULL OR day = :day)", what, day))

    def view(self, from_ns: int, to_ns: int) -> View | None:
        """The pieces that may have rows in this time, with the range; None if nothing is sealed."""
        with self._snapshot():
            sealed = self.sealed()
            if sealed is None:
                return None
            overlaps = "last_ns >= :what AND first_ns < :day"
            [(last_ns,)] = self._read(f"SELECT coalesce(max(last_ns), 0) FROM piece WHERE {_NOW}")
            return View(sealed, list(self._pieces(overlaps, from_ns, to_ns)), last_ns)

    def change(
        self, before: Sealed | None, after: Sealed | None, new: Sequence[Piece], gone: Sequence[Piece], now_ns: int
    ) -> None:
        """Replace the pieces `gone` by `new` and the range `before` by `after`, in one transaction.

        Raises:
            ArchiveMoved: the range is not `before`, or a piece is gone already.
        """
        with self._writing():
            if self.sealed() != before:
                raise ArchiveMoved("Another sealer changed the archive.", "Run only one sealer for a log.")
            for piece in gone:
                statement = f"UPDATE piece SET gone_ns = ? WHERE file = ? AND {_NOW}"
                if not self._connection.execute(statement, (now_ns, piece.file)).rowcount:
                    raise ArchiveMoved("Another sealer replaced a piece.", "Run only one sealer for a log.")
            marks = ", ".join("?" * len(Piece._fields))
            self._connection.executemany(f"INSERT INTO piece ({', '.join(Piece._fields)}) VALUES ({marks})", new)
            self._connection.execute("DELETE FROM sealed")
            if after:
                cells = [getattr(after, field.name) for field in fields(after)]
                cells = [f"{cell.id} {cell.text}" if isinstance(cell, Anchor) else cell for cell in cells]
                marks = ", ".join("?" * len(cells))
                self._connection.execute(f"INSERT INTO sealed (one, {', '.join(_SEALED)}) VALUES (1, {marks})", cells)

    def see(self, newest_id: int, now_ns: int) -> None:
        """Remember that the log's newest row was `newest_id` at `now_ns`."""
        with self._writing():
            self._connection.execute("DELETE FROM seen WHERE id > ? OR seen_ns > ?", (newest_id, now_ns))
            self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (newest_id, now_ns))

    def seen_before(self, before_ns: int) -> int | None:
        """The newest id that was in the log at `before_ns`, as far as it is known; older ones are forgotten."""
        statement = "SELECT max(id) FROM seen WHERE seen_ns <= ?"
        newest = self._read(statement, (before_ns,))[0][0]
        if newest is not None:
            self._connection.execute("DELETE FROM seen WHERE id < ?", (newest,))
        return None if newest is None else int(newest)

    def bury(self, before_ns: int) -> int:
        """Delete the files of pieces that were replaced before `before_ns`; return how many."""
        statement = "SELECT file FROM piece WHERE gone_ns <= ?"
        files = [name for (name,) in self._read(statement, (before_ns,))]
        for name in files:
            (self.folder / name).unlink(missing_ok=True)
        with self._writing():
            self._connection.executemany("DELETE FROM piece WHERE file = ?", [(name,) for name in files])
        return len(files)

    def orphans(self) -> list[Path]:
        """The files that no piece names."""
        named = {name for (name,) in self._read("SELECT file FROM piece")}
        return [
            path
            for path in sorted(self.folder.glob("*/*"))
            if path.is_file() and path.relative_to(self.folder).as_posix() not in named
        ]

    def _pieces(self, where: str, first: str | int | None, second: int | None) -> Iterator[Piece]:
        statement = f"SELECT {', '.join(Piece._fields)} FROM piece WHERE {_NOW} AND {where} ORDER BY day, id"
        return map(Piece._make, self._read(statement, {"what": first, "day": second}))

    def _read(self, statement: str, parameters: "Sequence[object] | dict[str, object]" = ()) -> list[tuple[Any, ...]]:
        """The rows of an answer.

        Raises:
            ObsError: the manifest is damaged or locked.
        """
        try:
            return self._connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise sqlite.translate_error(error, self.folder / NAME) from error

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Read one state of the manifest."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One write transaction.

        Raises:
            ObsError: the manifest can't be written, for example because the disk is full.
        """
        try:
            with sqlite.transaction(self._connection):
                yield
        except sqlite3.Error as error:
            raise sqlite.translate_error(error, self.folder / NAME) from error


def _anchor(text: str) -> Anchor:
    number, _, identity = text.partition(" ")
    return Anchor(int(number), identity)
