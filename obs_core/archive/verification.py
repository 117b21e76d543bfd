"""Compares an archive with its log: how far the log is sealed, and whether the pieces are what the manifest says.

It opens the log and the manifest with sqlite3, and the pieces as plain files.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from obs_core.archive import pieces
from obs_core.archive.manifest import ANCHOR, Anchor, Manifest, Piece, Sealed, folder_of
from obs_core.store import foreign, sqlite


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


def belongs(connection: sqlite3.Connection, sealed: Sealed) -> bool:
    """Whether `sealed` is about the log that `connection` has open, not about one that was at its path before."""
    newest = connection.execute("SELECT max(id) FROM data_trace").fetchone()[0]
    return (newest or 0) >= sealed.until_id and all(
        _is_there(connection, anchor) for anchor in (sealed.first, sealed.last)
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
        if not belongs(connection, sealed):
            return [*sentences, f"The archive is of another log than {log}."]
        statement = "SELECT count(*) FROM data_trace WHERE id > ? AND id <= ?"
        rows = connection.execute(statement, (sealed.from_id, sealed.until_id)).fetchone()[0]
        expected = rows + unhandled(connection, sealed)
    archived = sum(piece.rows for piece in current if piece.what == "rows")
    if archived != expected:
        ids = f"{sealed.from_id + 1:,} to {sealed.until_id:,}"
        sentences.append(f"The pieces have {archived:,} rows, the log {expected:,} with the ids {ids}.")
    return sentences


def _archive(log: Path) -> tuple[Sealed | None, list[Piece]]:
    """The sealed range and the pieces; None and no pieces if there is no archive."""
    folder = folder_of(log)
    if not folder.is_dir():
        return None, []
    with Manifest(folder) as manifest:
        return manifest.sealed(), manifest.pieces()


def _is_there(connection: sqlite3.Connection, anchor: Anchor) -> bool:
    row = connection.execute(f"{ANCHOR} WHERE id = ?", (anchor.id,)).fetchone()
    if row:
        return bool(row[1] == anchor.text)
    return connection.execute("SELECT 1 FROM superseded WHERE id = ?", (anchor.id,)).fetchone() is not None
