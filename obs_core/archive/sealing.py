"""Seals a log step by step: each step moves a range of ids, or one day, into new pieces in one manifest transaction.

Newest rows first: new rows are sealed as they settle, and in between the older ones backwards until all are sealed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from obs_core import scanner
from obs_core.archive import pieces
from obs_core.archive.limits import Limits
from obs_core.archive.manifest import Manifest, Piece, Sealed
from obs_core.archive.rollups import ALWAYS_WRITTEN, DAY_NS
from obs_core.archive.sealed_log import SUPERSEDED, SealedLog
from obs_core.archive.sealing_again import Again, is_memory
from obs_core.clock import HOUR, MAX_NS, SECOND
from obs_core.errors import ArchiveDamaged, ArchiveMoved

_BURY_AFTER_NS: Final = 60 * SECOND  # no question runs that long
_LOST_HINT: Final = (
    "Restore the file from a copy, or give up its rows: python -m obs_core archive verify --repair --drop-lost"
)
_SMALLEST: Final = 1_000  # rows of a batch that is made smaller because its rows are large


class Step(NamedTuple):
    """What one step did: the rows that are in its new pieces, and the sealed range after it."""

    action: str
    rows: int
    sealed: Sealed | None


class Sealing:
    """The sealing of one log; its caller holds the archive's lease."""

    def __init__(self, log: SealedLog, folder: Path, limits: Limits, now_ns: int) -> None:
        """Open the manifest and delete what a killed sealer left."""
        self._log, self._limits, self._now_ns = log, limits, now_ns
        self._batch_rows = limits.batch_rows
        self._lost: dict[int, ArchiveDamaged] = {}  # by day
        self._manifest = Manifest(folder, write=True)
        for path in self._manifest.orphans():
            path.unlink()
        self._manifest.bury(now_ns - _BURY_AFTER_NS)

    def close(self) -> None:
        """Close the manifest."""
        self._manifest.close()

    def range(self) -> tuple[int, int] | None:
        """The ids that are sealed, `after < id <= until`; None if none are."""
        sealed = self._manifest.sealed()
        return (sealed.from_id, sealed.until_id) if sealed else None

    def steps(self, *, everything: bool = False, check: bool = False, drop_lost: bool = False) -> Iterator[Step]:
        """Seal until there is nothing more to do; with `everything` all rows but the newest, whatever their age.

        Days with a file that is missing or cut are sealed again first; with `check` also those with other damage.
        Rows of a damaged file that are nowhere else are given up only if `drop_lost`.

        Raises:
            ArchiveDamaged: there are such rows; everything else is sealed.
            ArchiveMoved: the archive has rows that are nowhere else, of a log that is not at the path any more.
        """
        sealed = self._manifest.sealed()
        if sealed and not self._log.belongs(sealed):
            if sealed.pruned_id:
                message = f"{self._manifest.folder} has rows that were deleted from another log than this one."
                raise ArchiveMoved(message, "Move the archive's folder to the log that it belongs to, or delete it.")
            self._manifest.change(sealed, None, [], self._manifest.pieces(), self._now_ns)
            yield Step("the archive was of another log and is made again", 0, None)
        newest = self._log.ends()[1]
        self._manifest.see(newest, self._now_ns)
        settled = newest - 1 if everything else self._settled(newest)
        yield from self._repairs(whole=check, drop_lost=drop_lost)
        while limits := self._next_range(settled, everything=everything):
            yield from self._seal(*limits)
        yield from self._corrections()
        yield from self._closed_days()
        yield from self._upgraded_days()
        for error in self._lost.values():
            raise error

    def _settled(self, newest: int) -> int:
        """The newest id that may be sealed: some time in the log, or, when that is not known yet, some ids old."""
        seen = self._manifest.seen_before(self._now_ns - self._limits.settle_ns)
        sealed = self._manifest.sealed()
        first = newest - self._limits.look if sealed is None else 0
        return min(newest - 1, max(seen or 0, first))

    def _next_range(self, settled: int, *, everything: bool) -> tuple[int, int] | None:
        """The next ids to seal, `after < id <= until`; None if all are sealed."""
        sealed, lowest = self._manifest.sealed(), self._log.ends()[0]
        if sealed is None:
            last = self._log.newest_up_to(settled)
            if last is None:
                return None
            if not self._log.shape.native:  # no index says how old the older rows are: the oldest first
                return lowest - 1, min(last, lowest - 1 + self._batch_rows)
            return max(lowest - 1, last - self._batch_rows), last
        new = settled - sealed.until_id
        if new >= (1 if everything else self._limits.forward_rows):
            return sealed.until_id, min(settled, sealed.until_id + self._batch_rows)
        if sealed.from_id >= lowest:
            return max(lowest - 1, sealed.from_id - self._batch_rows), sealed.from_id
        return None

    def _seal(self, after_id: int, until_id: int) -> Iterator[Step]:
        before = self._manifest.sealed()
        try:
            superseded = self._log.load(after_id, until_id, look=self._limits.look)
            new = pieces.write(self._log.connection, self._manifest.folder, self._log.kinds)
        except scanner.Error as error:
            if not is_memory(error) or self._batch_rows <= _SMALLEST:
                raise
            self._batch_rows //= 2  # rows with long texts
            return
        after = self._extended(before, after_id, until_id, superseded)
        self._manifest.change(before, after, new, [], self._now_ns)
        yield Step("sealed", _rows(new), after)

    def _extended(self, before: Sealed | None, after_id: int, until_id: int, superseded: int) -> Sealed | None:
        """The range `before` and the ids `after_id < id <= until_id` next to it."""
        from_id = min(after_id, before.from_id) if before else after_id
        until_id = max(until_id, before.until_id) if before else until_id
        anchors = self._log.anchors(from_id, until_id)
        if anchors is None:
            return None
        older_ns = before.older_ns if before else MAX_NS
        if older_ns is not None and (before is None or from_id < before.from_id):
            older_ns = self._log.older_ns(from_id, older_ns)
        superseded += before.superseded if before else 0
        after = Sealed(from_id, until_id, older_ns, superseded, *anchors)
        if before is None:
            return after
        pruned_id, pruned_ns, pruned_at_ns = before.pruned_id, before.pruned_ns, before.pruned_at_ns
        return replace(after, pruned_id=pruned_id, pruned_ns=pruned_ns, pruned_at_ns=pruned_at_ns)

    def _repairs(self, *, whole: bool, drop_lost: bool) -> Iterator[Step]:
        """Seal the days again in which a file is damaged; the content of files is checked only if `whole`.

        Days with rows that are nowhere else stay as they are unless `drop_lost`; the rest of the log is sealed first.
        """
        current = self._manifest.pieces()
        damaged = pieces.damaged(self._manifest.folder, current, whole=whole)
        for day in sorted({piece.day for piece in current if piece.file in damaged}):
            try:
                yield self._again(day, "repaired", damaged, drop_lost=drop_lost)
            except ArchiveDamaged as error:
                self._lost[day] = error

    def _corrections(self) -> Iterator[Step]:
        """Seal the days again in which rows were superseded after they were sealed."""
        sealed = self._manifest.sealed()
        if sealed is None:
            return
        count = self._log.superseded(sealed.from_id, sealed.until_id)
        if count == sealed.superseded:
            return
        for day in self._days_with_superseded():
            yield self._again(day, "corrected")
        sealed = self._manifest.sealed()
        assert sealed
        self._manifest.change(sealed, replace(sealed, superseded=count), [], [], self._now_ns)

    def _days_with_superseded(self) -> list[int]:
        days = []
        for day in self._days():
            files = [str(self._manifest.folder / piece.file) for piece in self._manifest.pieces("rows", day)]
            statement = f"SELECT count(*) FROM read_parquet({files!r}) WHERE id IN ({SUPERSEDED})"
            if self._log.connection.execute(statement).fetchall()[0][0]:
                days.append(day)
        return days

    def _days(self) -> list[int]:
        """The days with pieces, without those that are damaged for good."""
        return sorted({piece.day for piece in self._manifest.pieces("rows")} - self._lost.keys())

    def _closed_days(self) -> Iterator[Step]:
        """Put the rows of each day that is over, and sealed, into one piece of each kind."""
        sealed = self._manifest.sealed()
        if sealed is None:
            return
        current = self._manifest.pieces("rows")
        for day in self._days():
            mine = [piece for piece in current if piece.day == day]
            is_over = (day + 1) * DAY_NS + HOUR <= self._now_ns
            is_sealed = sealed.older_ns is None or sealed.older_ns < day * DAY_NS
            if is_over and is_sealed and len(mine) > 1 and _rows(mine) <= self._limits.day_rows:
                try:
                    yield self._again(day, "closed")
                except scanner.Error as error:
                    if not is_memory(error):
                        raise  # rows with long texts: the day stays as it is

    def _upgraded_days(self) -> Iterator[Step]:
        """Seal the days again that an earlier version sealed without all kinds of rollups."""
        for day in self._days():
            counts = {len(self._manifest.pieces(what, day)) for what in (*ALWAYS_WRITTEN, "r_rows")}
            if len(counts) > 1:
                yield self._again(day, "upgraded")

    def _again(self, day: int, action: str, damaged: Iterable[str] = (), *, drop_lost: bool = False) -> Step:
        """Make the pieces of one day again.

        Raises:
            ArchiveDamaged: rows of a damaged piece are nowhere else, and are not to be dropped.
        """
        sealed = self._manifest.sealed()
        again = Again(self._log, self._manifest, self._limits.look, day)
        again.mark_damaged(damaged)
        lost = again.lost()
        if lost and not drop_lost:
            message = f"{self._manifest.folder / lost[0].file} is damaged, and the log no longer has its rows."
            raise ArchiveDamaged(message, _LOST_HINT)
        is_small = _rows(again.old) <= self._limits.day_rows
        try:
            new = again.write(batch_rows=self._batch_rows, divided=not is_small)
        except scanner.Error as error:
            if not is_memory(error) or action == "closed":
                raise
            new = again.write(batch_rows=self._batch_rows, divided=True)
        self._manifest.change(sealed, sealed, new, again.old, self._now_ns)
        return Step(action, _rows(new), sealed)


def _rows(some: list[Piece]) -> int:
    return sum(piece.rows for piece in some if piece.what == "rows")
