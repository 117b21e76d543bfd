"""What retention deletes: rows of the log that are sealed, and days of the archive, by age and by size.

Rows are deleted from the log in the order of their ids, so one number, `pruned_id`, says which of them only the pieces
have. It is written to the manifest some time before the rows are deleted; each question reads it once.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from obs_core.archive import pieces
from obs_core.archive.limits import Keep
from obs_core.archive.manifest import Manifest, Piece, Sealed
from obs_core.archive.rollups import DAY_NS
from obs_core.errors import ArchiveDamaged
from obs_core.store import sqlite

_AT_ONCE: Final = 1_000_000  # ids that are checked and deleted together
_SLACK: Final = 0.05  # of the largest size, that is freed in one go
_OF_ROWS: Final = ("rows", "r_traces")


class Usage(NamedTuple):
    """The size of a log: its rows (estimated by ids), the bytes that they use, and the bytes of the archive."""

    rows: int
    log_bytes: int
    archive_bytes: int

    @property
    def row_bytes(self) -> float:
        """Bytes of the log per row."""
        return self.log_bytes / max(self.rows, 1)


def usage(log: sqlite.Connection, manifest: Manifest, after_id: int) -> Usage:
    """The size of the log's rows with ids above `after_id`, and of the archive."""
    lowest, newest = log.execute("SELECT (SELECT min(id) FROM data_trace), (SELECT max(id) FROM data_trace)").fetchone()
    pages, free, size = (
        log.execute(f"PRAGMA {n}").fetchone()[0] for n in ("page_count", "freelist_count", "page_size")
    )
    stored = 0 if newest is None else newest - lowest + 1
    rows = 0 if newest is None else newest - max(lowest - 1, min(after_id, newest))
    in_log = (pages - free) * size * rows // max(stored, 1)
    return Usage(rows, in_log, sum(piece.bytes for piece in manifest.pieces()))


def next_cut(log: sqlite.Connection, manifest: Manifest, keep: Keep, needed_id: int, now_ns: int) -> int:
    """Up to which id the log's rows go next; at most `pruned_id` if none do.

    Rows above `needed_id` stay, and so do the newest sealed ones.
    """
    sealed = manifest.sealed()
    lowest: int | None = log.execute("SELECT min(id) FROM data_trace").fetchone()[0]
    if sealed is None or lowest is None or sealed.from_id >= lowest or sealed.older_ns is not None:
        return 0
    limit = min(sealed.until_id - keep.newest, needed_id, max(sealed.pruned_id, lowest - 1) + _AT_ONCE)
    return min(limit, max(_cut_by_age(log, keep, sealed, now_ns), _cut_by_size(log, manifest, keep, sealed)))


def checked(log: sqlite.Connection, manifest: Manifest, sealed: Sealed, cut: int) -> int:
    """The time of the latest row with an id from `pruned_id` to `cut`, once the pieces are known to have all of them.

    Raises:
        ArchiveDamaged: they have not.
    """
    mine = [p for p in manifest.pieces("rows") if p.first_id <= cut and p.last_id > sealed.pruned_id]
    for file, fault in pieces.damaged(manifest.folder, mine, whole=True).items():
        raise ArchiveDamaged(f"{manifest.folder / file} {fault}; no row is deleted.", _HINT)
    archived, last_ns = 0, -(2**63)
    for piece in mine:
        table = pq.ParquetFile(manifest.folder / piece.file).read(["id", "timestamp"])
        within = pc.and_(pc.greater(table["id"], sealed.pruned_id), pc.less_equal(table["id"], cut))
        times = pc.filter(table["timestamp"], within)
        archived += len(times)
        last_ns = max(last_ns, _highest(times))
    statement = "SELECT count(*) FROM data_trace WHERE id > ? AND id <= ?"
    stored = log.execute(statement, (sealed.pruned_id, cut)).fetchone()[0]
    if archived != stored:
        ids = f"{sealed.pruned_id + 1:,} to {cut:,}"
        message = f"The archive has {archived:,} rows with the ids {ids}, the log {stored:,}; no row is deleted."
        raise ArchiveDamaged(message, _HINT)
    return last_ns


def expired(log: sqlite.Connection, manifest: Manifest, keep: Keep, now_ns: int) -> list[Piece]:
    """The pieces that go now: whole days, only once the log has no row of theirs."""
    sealed = manifest.sealed()
    if sealed is None:
        return []
    oldest = log.execute("SELECT min(id) FROM data_trace").fetchone()[0]
    current = manifest.pieces()
    stored = {p.day for p in current if p.what in _OF_ROWS and (oldest is None or p.last_id >= oldest)}
    rows = [p for p in current if p.what in _OF_ROWS and p.day not in stored and _is_old(p, keep.archive_ns, now_ns)]
    gone = {p.day for p in rows} | ({p.day for p in current} - {p.day for p in current if p.what in _OF_ROWS})
    rollups = [p for p in current if p.what not in _OF_ROWS and p.day in gone and _is_old(p, keep.rollups_ns, now_ns)]
    return [*rows, *rollups, *_expired_by_size(log, manifest, keep, {*rows, *rollups}, stored)]


_HINT: Final = "Run: python -m obs_core archive verify --repair"


def _cut_by_age(log: sqlite.Connection, keep: Keep, sealed: Sealed, now_ns: int) -> int:
    ages = [age for age in (keep.rows_ns, keep.archive_ns) if age is not None]
    if not ages:
        return 0
    statement = "SELECT min(id) FROM data_trace WHERE timestamp >= ? AND timestamp <= ? AND id > ?"
    first = log.execute(statement, (now_ns - min(ages), now_ns, sealed.pruned_id)).fetchone()[0]
    return sealed.until_id if first is None else int(first) - 1


def _cut_by_size(log: sqlite.Connection, manifest: Manifest, keep: Keep, sealed: Sealed) -> int:
    size = usage(log, manifest, sealed.pruned_id)
    if keep.max_bytes is None or size.log_bytes + size.archive_bytes <= keep.max_bytes:
        return 0
    excess = size.log_bytes + size.archive_bytes - keep.max_bytes * (1 - _SLACK)
    lowest = log.execute("SELECT min(id) FROM data_trace WHERE id > ?", (sealed.pruned_id,)).fetchone()[0]
    return int(lowest) - 1 + round(excess / max(size.row_bytes, 1))


def _expired_by_size(
    log: sqlite.Connection, manifest: Manifest, keep: Keep, gone: set[Piece], stored: set[int]
) -> list[Piece]:
    """The oldest days, until the rest is small enough: rows first, then rollups."""
    sealed = manifest.sealed()
    if keep.max_bytes is None or sealed is None:
        return []
    size = usage(log, manifest, sealed.pruned_id)
    excess: float = size.log_bytes + size.archive_bytes - sum(piece.bytes for piece in gone) - keep.max_bytes
    if excess <= 0 or not _log_is_short(log, sealed, keep):
        return []
    excess += keep.max_bytes * _SLACK
    rest = [piece for piece in manifest.pieces() if piece not in gone and piece.day not in stored]
    more: list[Piece] = []
    for is_rollup in (False, True):
        for piece in rest:
            if excess > 0 and (piece.what not in _OF_ROWS) == is_rollup:
                more.append(piece)
                excess -= piece.bytes
    days = {(piece.day, piece.what in _OF_ROWS) for piece in more}
    return [piece for piece in rest if (piece.day, piece.what in _OF_ROWS) in days]


def _log_is_short(log: sqlite.Connection, sealed: Sealed, keep: Keep) -> bool:
    """Whether the log has no more rows that could go."""
    lowest = log.execute("SELECT min(id) FROM data_trace").fetchone()[0]
    return lowest is None or lowest > sealed.until_id - keep.newest


def _is_old(piece: Piece, age_ns: int | None, now_ns: int) -> bool:
    return age_ns is not None and (piece.day + 1) * DAY_NS <= now_ns - age_ns


def _highest(times: "Iterable[int] | pa.ChunkedArray") -> int:
    highest = pc.max(times).as_py()
    return -(2**63) if highest is None else int(highest)
