"""Deletes rows from the log in short transactions, and returns freed pages to the disk. The log's writers go first."""

import time
from collections.abc import Callable
from typing import Final

from obs_core.store import sqlite

_AIM_S: Final = 0.015  # for one transaction; an insert waits for it
_MOST_ROWS: Final = 2_000
_PAUSE_S: Final = 0.05
_MOST_PAGES: Final = 1_000
_FREE_SHARE: Final = 0.1  # of the file; fewer free pages are used again by new rows


class Chunks:
    """The size of the next transaction, so that each takes some 15 ms."""

    def __init__(self, most: int) -> None:
        """Start with a tenth of `most`."""
        self.size, self._most = max(1, most // 10), most

    def took(self, seconds: float) -> None:
        """Adapt to the last transaction."""
        if seconds > _AIM_S:
            self.size = max(1, self.size // 2)
        elif seconds < _AIM_S / 2:
            self.size = min(self._most, self.size * 2)


def delete_rows(
    log: sqlite.Connection, up_to_id: int, end_s: float, sleep: Callable[[float], object] = time.sleep
) -> int:
    """Delete rows with ids up to `up_to_id` until none is left or `time.monotonic()` is `end_s`; return how many."""
    log.execute(
        "PRAGMA synchronous = NORMAL"
    )  # no lock waits for the disk; after a power failure, rows are deleted again
    chunks, deleted = Chunks(_MOST_ROWS), 0
    statement = "DELETE FROM data_trace WHERE id IN (SELECT id FROM data_trace WHERE id <= ? ORDER BY id LIMIT ?)"
    while time.monotonic() < end_s:
        with sqlite.transaction(log):
            start = time.monotonic()  # after the wait for other writers
            rows = log.execute(statement, (up_to_id, chunks.size)).rowcount
        if not rows:
            break
        deleted += rows
        chunks.took(time.monotonic() - start)
        sleep(_PAUSE_S)
    return deleted


def return_pages(log: sqlite.Connection, end_s: float, sleep: Callable[[float], object] = time.sleep) -> int:
    """Return free pages to the disk, if the log was made for that and they are many; return how many pages."""
    if log.execute("PRAGMA auto_vacuum").fetchone()[0] != 2:  # noqa: PLR2004 - incremental
        return 0
    chunks, returned = Chunks(_MOST_PAGES), 0
    while time.monotonic() < end_s:
        free, pages = (log.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count"))
        if free < pages * _FREE_SHARE or not free:
            break
        start = time.monotonic()
        log.executescript(f"PRAGMA incremental_vacuum({chunks.size})")  # `execute` returns one page
        returned += min(free, chunks.size)
        chunks.took(time.monotonic() - start)
        sleep(_PAUSE_S)
    return returned
