"""The archive as the engine sees it: which files answer for a window, and up to which id."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from obs_core.archive.manifest import ANCHOR_TEXT, NAME, Manifest, Piece, View, folder_of
from obs_core.clock import MAX_NS, Window
from obs_core.errors import ObsError
from obs_core.query.engine.sqlite_reader import SqliteReader

_STATE: Final = f"""
    SELECT (SELECT min(id) FROM {{rows}}), (SELECT max(id) FROM {{rows}}),
        (SELECT count(*) FROM {{superseded}} WHERE id > :from_id AND id <= :until_id),
        (SELECT {ANCHOR_TEXT} FROM {{rows}} WHERE id = :first_id),
        (SELECT {ANCHOR_TEXT} FROM {{rows}} WHERE id = :last_id),
        (SELECT count(*) FROM {{superseded}} WHERE id = :first_id),
        (SELECT count(*) FROM {{superseded}} WHERE id = :last_id)
"""


@dataclass(frozen=True, slots=True)
class ArchiveView:
    """What an archive has of a window, and how it continues.

    `pieces` are those that may have rows of the window; they have every row of it with an id up to `until_id`.
    `last_ns` is the time of the latest row in any piece. `superseded` is how many ids of the sealed range were
    superseded (`has_superseded`: some of them are still in pieces). `log_rows` and `sealed_rows` count ids. With
    `is_pruned`, the log does not have all rows of the window any more: those with an id up to `pruned_id` are only in
    pieces.
    """

    until_id: int
    folder: Path
    pieces: list[Piece]
    last_ns: int
    log_rows: int
    sealed_rows: int
    superseded: int
    has_superseded: bool
    pruned_id: int
    is_pruned: bool

    @property
    def rows(self) -> int:
        """The number of rows in the pieces."""
        return sum(piece.rows for piece in self.pieces if piece.what == "rows")

    def files(self, what: str, *windows: Window) -> list[str]:
        """The files of one kind that may have rows in one of these windows (without any: all)."""
        return [
            str(self.folder / piece.file)
            for piece in self.pieces
            if piece.what == what
            and (not windows or any(piece.last_ns >= one.from_ns and piece.first_ns < one.to_ns for one in windows))
        ]


class ArchiveReader:
    """Reads the manifest of the archive of one log; safe to use from several threads."""

    def __init__(self, log: Path, reader: SqliteReader) -> None:
        """A reader for the archive of `log`, which need not exist; `reader` reads the log itself."""
        self._folder = folder_of(log)
        self._reader = reader
        self._lock = threading.Lock()
        self._manifest: tuple[tuple[int, int], Manifest] | None = None

    def exists(self) -> bool:
        """Whether there is a manifest."""
        return (self._folder / NAME).exists()

    def has_pruned(self, window: Window) -> bool:
        """Whether rows of `window` may have left the log; takes 0.1 ms."""
        try:
            with self._lock:
                manifest = self._current()
                sealed = manifest.sealed() if manifest else None
        except (ObsError, OSError):
            return False
        return sealed is not None and sealed.pruned_ns is not None and sealed.pruned_ns >= window.from_ns

    def view(self, window: Window) -> ArchiveView | None:
        """What the archive has of `window`; None if it has not all older rows of it, or belongs to another log."""
        try:
            with self._lock:
                manifest = self._current()
                view = manifest.view(window.from_ns, window.to_ns) if manifest else None
            if view is None or (view.sealed.older_ns is not None and view.sealed.older_ns >= window.from_ns):
                return None
            return self._checked(view, window)
        except (ObsError, OSError):  # the default access paths answer; `archive verify` reports it
            return None

    def pruned_extent(self) -> Window | None:
        """From the first to just after the last row in pieces; None unless rows were deleted from the log."""
        view = self.view(Window(-MAX_NS, MAX_NS)) if self.exists() else None
        if view is None or not view.is_pruned or not view.pieces:
            return None
        return Window(min(p.first_ns for p in view.pieces), min(max(p.last_ns for p in view.pieces) + 1, MAX_NS))

    def is_current(self, view: ArchiveView, window: Window) -> bool:
        """Whether no row of `view` was superseded since."""
        now = self.view(window)
        return now is not None and now.superseded - view.superseded == 0

    def close(self) -> None:
        """Close the manifest."""
        with self._lock:
            self._close()

    def _checked(self, view: View, window: Window) -> ArchiveView | None:
        """The view, if the log at the path is the one that was sealed."""
        sealed = view.sealed
        parameters = {
            "from_id": sealed.from_id,
            "until_id": sealed.until_id,
            "first_id": sealed.first.id,
            "last_id": sealed.last.id,
        }
        shape = self._reader.shape()
        statement = _STATE.format(rows=shape.rows, superseded=shape.superseded)
        _, [row] = self._reader.answer(statement, parameters)
        lowest, newest, superseded, first, last, first_gone, last_gone = row
        belongs = all(
            text == anchor.text if text is not None else gone or sealed.may_be_gone(anchor)
            for anchor, text, gone in ((sealed.first, first, first_gone), (sealed.last, last, last_gone))
        )
        if not belongs or newest is None or newest < sealed.until_id:
            return None
        return ArchiveView(
            until_id=sealed.until_id,
            folder=self._folder,
            pieces=view.pieces,
            last_ns=view.last_ns,
            log_rows=newest - lowest + 1,
            sealed_rows=sealed.until_id - lowest + 1,
            superseded=superseded,
            has_superseded=superseded != sealed.superseded,
            pruned_id=sealed.pruned_id,
            is_pruned=sealed.pruned_ns is not None and sealed.pruned_ns >= window.from_ns,
        )

    def _current(self) -> Manifest | None:
        """The manifest that is now at the path; the caller holds the lock."""
        try:
            stat = (self._folder / NAME).stat()
        except OSError:
            self._close()
            return None
        identity = stat.st_dev, stat.st_ino
        if self._manifest is None or self._manifest[0] != identity:
            self._close()
            self._manifest = identity, Manifest(self._folder)
        return self._manifest[1]

    def _close(self) -> None:
        if self._manifest:
            self._manifest[1].close()
        self._manifest = None
