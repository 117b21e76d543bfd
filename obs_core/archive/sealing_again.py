"""Seals days again: from their own pieces, so that the log need not have the rows any more.

Only the rows of a damaged piece are read from the log, as long as it has them.
"""

from collections.abc import Iterable, Iterator, Sequence

from obs_core import scanner
from obs_core.archive import pieces
from obs_core.archive.log_rows import Rows
from obs_core.archive.manifest import Manifest, Piece
from obs_core.archive.rollups import DAY_NS
from obs_core.archive.sealed_log import SealedLog
from obs_core.clock import HOUR

_IDS = "id > ? AND id <= ?"
_TIMES = "timestamp >= ? AND timestamp < ?"
# The calls that start after some time, in traces with a call that continues until then.
_LATER = (
    f"trace_id IN (SELECT trace_id FROM data_trace WHERE {_TIMES} AND kind = 'call' AND timestamp + duration_ns > ?)"
    " AND kind = 'call' AND +timestamp >= ?"
)


class Again:
    """One day that is sealed again."""

    def __init__(self, log: SealedLog, manifest: Manifest, look: int, day: int) -> None:
        """The day with the number `day`; `look` is as in `Limits`."""
        sealed, current, folder = manifest.sealed(), manifest.pieces(), manifest.folder
        self._log, self._folder, self._look, self._day = log, folder, look, day
        self._pruned_id = sealed.pruned_id if sealed else 0
        self._rows = [piece for piece in current if piece.what == "rows"]
        self._damaged = set(pieces.damaged(folder, self._rows, whole=False))
        mine = {(piece.first_id, piece.last_id) for piece in self._rows if piece.day == day}
        # Rollups of rows that are not kept any more stay as they are.
        self.old = [piece for piece in current if piece.day == day and (piece.first_id, piece.last_id) in mine]

    def mark_damaged(self, files: Iterable[str]) -> None:
        """Say which files, apart from missing and cut ones, must not be read."""
        self._damaged |= set(files)

    def lost(self) -> list[Piece]:
        """The damaged pieces with rows that the log does not have any more."""
        return [
            piece
            for piece in self.old
            if piece.what == "rows" and piece.file in self._damaged and piece.first_id <= self._pruned_id
        ]

    def write(self, *, batch_rows: int, divided: bool) -> list[Piece]:
        """Write the pieces of the day again: one of each kind, or, if `divided`, several.

        Raises:
            scanner.Error: the rows do not fit into memory, or a file can't be read.
        """
        after_id = min(piece.first_id for piece in self.old) - 1
        until_id = max(piece.last_id for piece in self.old)
        start, end = self._day * DAY_NS, (self._day + 1) * DAY_NS
        if not divided:
            hours = [(start - HOUR, start), (end, end + HOUR)]
            near = [rows for bound in hours for rows in self._calls(_TIMES, bound)]
            self._load(after_id, until_id, [*near, Rows(_LATER, (start, end, end + HOUR, end + HOUR))])
            return pieces.write(self._log.connection, self._folder, self._log.kinds)
        new: list[Piece] = []
        look = self._look
        for first in range(after_id, until_id, batch_rows):
            last = min(until_id, first + batch_rows)
            around = [(first - look, first), (last, last + look)]
            near = [rows for bound in around for rows in self._calls(_IDS, bound)]
            self._load(first, last, near + self._log.far_children(first, last, look=look))
            new += pieces.write(self._log.connection, self._folder, self._log.kinds)
        return new

    def _load(self, after_id: int, until_id: int, near: Sequence[Rows]) -> None:
        mine = [piece for piece in self._rows if piece.day == self._day]
        intact = [self._path(piece) for piece in mine if piece.file not in self._damaged]
        times = (self._day * DAY_NS, (self._day + 1) * DAY_NS)
        rows = [Rows(_IDS, (after_id, until_id), intact)] if intact else []
        for piece in mine:
            if piece.file in self._damaged:
                first, last = max(after_id, piece.first_id - 1, self._pruned_id), min(until_id, piece.last_id)
                rows.append(Rows(f"{_TIMES} AND {_IDS}", (*times, first, last)))
        self._log.load_rows(rows, near, (after_id, until_id))

    def _calls(self, where: str, bound: tuple[int, int]) -> Iterator[Rows]:
        """The calls of the log for which `where` is true, and those that are deleted from it."""
        yield Rows(f"{where} AND id > ? AND kind = 'call'", (*bound, self._pruned_id))
        files = [
            self._path(piece)
            for piece in self._rows
            if piece.file not in self._damaged
            and piece.first_id <= self._pruned_id
            and (where == _IDS or (piece.last_ns >= bound[0] and piece.first_ns < bound[1]))
        ]
        if files:
            yield Rows(f"{where} AND id <= ? AND kind = 'call'", (*bound, self._pruned_id), files)

    def _path(self, piece: Piece) -> str:
        return str(self._folder / piece.file)


def is_memory(error: scanner.Error) -> bool:
    """Whether something did not fit into memory."""
    return "out of memory" in str(error).lower()
