"""Compares an archive with its log: how far the log is sealed, and whether the pieces are what the manifest says.

It opens the log and the manifest with sqlite3, and the pieces as plain files.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from obs_core.archive import pieces
from obs_core.archive.manifest import Anchor, Manifest, Piece, Sealed, anchor_sql, folder_of
from obs_core.store import foreign, sqlite
from obs_core.store.foreign import NATIVE, Shape


@dataclass(frozen=True, slots=True)
class Status:
    """How far a log is sealed. `log_rows` are the rows of the log, `rows` those in pieces."""

    log_rows: int
    rows: int
    bytes: int
    files: int
    days: int
    sealed: Sealed | None


def status(log: Path) -> Status:
    """How far the log is sealed.

    Raises:
        ObsError: the log or the manifest can't be read.
    """
    with closing(sqlite.connect(log)) as connection:
        foreign.shape(connection, log)  # raises if it is not a log
        log_rows = int(connection.execute("SELECT count(*) FROM data_trace").fetchone()[0])
    sealed, current = _archive(log)
    rows = [piece for piece in current if piece.what == "rows"]
    return Status(
        log_rows=log_rows,
        rows=sum(piece.rows for piece in rows),
        bytes=sum(piece.bytes for piece in current),
        files=len(current),
        days=len({piece.day for piece in rows}),
        sealed=sealed,
    )


def belongs(connection: sqlite3.Connection, sealed: Sealed, shape: Shape = NATIVE) -> bool:
    """Whether `sealed` is about the log that `connection` has open, not about one that was at its path before."""
    newest = connection.execute(f"SELECT max(id) FROM {shape.rows}").fetchone()[0]
    return (newest or 0) >= sealed.until_id and all(
        _is_there(connection, anchor, shape) or (sealed.may_be_gone(anchor) and not _has_row(connection, anchor))
        for anchor in (sealed.first, sealed.last)
    )


def unhandled(connection: sqlite3.Connection, sealed: Sealed) -> int:
    """How many rows were superseded after they were sealed; the sealer removes them at its next run."""
    statement = "SELECT count(*) FROM superseded WHERE id > ? AND id <= ?"
    return int(connection.execute(statement, (sealed.from_id, sealed.until_id)).fetchone()[0]) - sealed.superseded


def problems(log: Path) -> list[str]:
    """What is wrong with the archive of `log`, one sentence each; reads all pieces.

    Raises:
        ObsError: the log or the manifest can't be read.
    """
    sealed, current = _archive(log)
    if sealed is None:
        return []
    folder = folder_of(log)
    damaged = pieces.damaged(folder, current, whole=True)
    sentences = [f"{folder / file} {fault}." for file, fault in damaged.items()]
    with closing(sqlite.connect(log)) as connection:
        shape = foreign.shape(connection, log)
        if not belongs(connection, sealed, shape):
            return [*sentences, f"The archive is of another log than {log}."]
        after_id = max(sealed.from_id, sealed.pruned_id)
        timed = "" if shape.native else " AND timestamp IS NOT NULL"
        statement = f"SELECT count(*) FROM {shape.rows} WHERE id > ? AND id <= ?{timed}"
        rows = connection.execute(statement, (after_id, sealed.until_id)).fetchone()[0]
        expected = rows + (unhandled(connection, sealed) if shape.native else 0)
    if damaged:
        return sentences
    archived = sum(_rows_after(folder, piece, after_id) for piece in current if piece.what == "rows")
    if archived != expected:
        ids = f"{after_id + 1:,} to {sealed.until_id:,}"
        sentences.append(f"The pieces have {archived:,} rows, the log {expected:,} with the ids {ids}.")
    return sentences


def _rows_after(folder: Path, piece: Piece, after_id: int) -> int:
    """The rows of a piece with an id above `after_id`."""
    if piece.first_id > after_id:
        return piece.rows
    if piece.last_id <= after_id:
        return 0
    ids = pq.ParquetFile(folder / piece.file).read(["id"]).column(0)
    return int(pc.sum(pc.greater(ids, after_id)).as_py() or 0)


def _archive(log: Path) -> tuple[Sealed | None, list[Piece]]:
    """The sealed range and the pieces; None and no pieces if there is no archive."""
    folder = folder_of(log)
    if not folder.is_dir():
        return None, []
    with Manifest(folder) as manifest:
        return manifest.sealed(), manifest.pieces()


def _has_row(connection: sqlite3.Connection, anchor: Anchor) -> bool:
    return connection.execute("SELECT 1 FROM data_trace WHERE id = ?", (anchor.id,)).fetchone() is not None


def _is_there(connection: sqlite3.Connection, anchor: Anchor, shape: Shape) -> bool:
    row = connection.execute(f"{anchor_sql(shape.rows)} WHERE id = ?", (anchor.id,)).fetchone()
    if row:
        return bool(row[1] == anchor.text)
    return connection.execute(f"SELECT 1 FROM {shape.superseded} WHERE id = ?", (anchor.id,)).fetchone() is not None
