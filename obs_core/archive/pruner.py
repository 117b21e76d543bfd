"""Deletes what is not to be kept and ends: a child process started as `python -m obs_core.archive.pruner LOG`.

It opens the log and the manifest with sqlite3 only, and writes a line of JSON to its standard output after each step.
Unlike the sealer, it has the normal priority: with the lowest, it waits for other programs within a transaction, and
the writers of the log wait with it (at most 600 instead of 300 ms, on two cores with nine busy processes).
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from obs_core.archive import deletion, lease, retention, verification
from obs_core.archive.limits import Keep
from obs_core.archive.manifest import NAME, Manifest, folder_of
from obs_core.clock import SECOND, now_ns
from obs_core.errors import ArchiveDamaged, ArchiveMoved, ObsError
from obs_core.store import foreign, sqlite
from obs_core.store.checkpoints import Checkpoints

GRACE_S: Final = 60.0
"""Rows stay in the log for so long after the manifest says that only the archive has them: no question runs longer."""
WORK_S: Final = 60.0
_BURY_AFTER_NS: Final = 60 * SECOND


class _Pauses:
    """The pauses between two deletions, some of them with a checkpoint that the log's writers recognise."""

    _EVERY: Final = 10

    def __init__(self, log: Path, connection: sqlite.Connection) -> None:
        self._checkpoints, self._connection = Checkpoints(log), connection
        self._count = 0
        connection.execute("PRAGMA wal_autocheckpoint = 0")

    def sleep(self, seconds: float) -> None:
        """Sleep; every tenth time after a checkpoint."""
        self._count += 1
        if self._count % self._EVERY == 0:
            self.checkpoint()
        time.sleep(seconds)

    def checkpoint(self) -> None:
        """Make a checkpoint, if only checkpoints wrote the log since the last one."""
        if self._checkpoints.explain():
            self._checkpoints.run(self._connection)


class Step(NamedTuple):
    """What one step did."""

    action: str
    rows: int = 0
    bytes: int = 0


def main(arguments: list[str]) -> int:
    """Delete what is due; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m obs_core.archive.pruner")
    parser.add_argument("log", type=Path)
    for name in ("rows-ns", "archive-ns", "rollups-ns", "max-bytes"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--newest", type=int, default=Keep().newest)
    parser.add_argument("--needed-id", type=int, default=2**63 - 1)
    parser.add_argument("--grace-s", type=float, default=GRACE_S)
    parser.add_argument("--work-s", type=float, default=WORK_S)
    options = parser.parse_args(arguments)
    keep = Keep(options.rows_ns, options.archive_ns, options.rollups_ns, options.max_bytes, options.newest)
    try:
        with lease.held(folder_of(options.log)) as is_mine:
            if is_mine:
                for step in steps(options.log, keep, options.needed_id, options.grace_s, options.work_s):
                    _say(step._asdict())
    except ObsError as error:
        _say({"error": error.message, "hint": error.hint})
        return error.exit_code
    except sqlite.Error as error:
        translated = sqlite.translate_error(error, options.log)
        _say({"error": translated.message, "hint": translated.hint})
        return translated.exit_code
    return 0


def steps(log: Path, keep: Keep, needed_id: int, grace_s: float = GRACE_S, work_s: float = WORK_S) -> Iterator[Step]:
    """Decide which rows go, delete those for which it was decided some time ago, then whole days of the archive.

    The caller holds the archive's lease. It ends after some `work_s`; the next run continues.

    Raises:
        ObsError: the log or the archive can't be used; ArchiveDamaged: the archive lacks rows, and none is deleted.
    """
    end_s = time.monotonic() + work_s
    if not (folder_of(log) / NAME).exists():
        return
    with closing(sqlite.connect(log, write=True)) as connection, Manifest(folder_of(log), write=True) as manifest:
        sealed = manifest.sealed()
        if sealed is None or not foreign.shape(connection, log).native:  # a log of another program is never changed
            return
        if not verification.belongs(connection, sealed):
            message = f"{manifest.folder} is not the archive of {log}; nothing is deleted."
            raise ArchiveMoved(message, "Run: python -m obs_core archive verify")
        manifest.bury(now_ns() - _BURY_AFTER_NS)
        if verification.unhandled(connection, sealed) == 0:
            yield from _cut(connection, manifest, keep, needed_id)
        sealed = manifest.sealed()
        assert sealed
        if now_ns() - sealed.pruned_at_ns >= grace_s * SECOND:
            pauses = _Pauses(log, connection)
            if rows := deletion.delete_rows(connection, sealed.pruned_id, end_s, pauses.sleep):
                yield Step("deleted from the log", rows)
            deletion.return_pages(connection, end_s, pauses.sleep)
            pauses.checkpoint()
        if gone := retention.expired(connection, manifest, keep, now_ns()):
            manifest.change(sealed, sealed, [], gone, now_ns())
            rows = sum(piece.rows for piece in gone if piece.what == "rows")
            yield Step("deleted from the archive", rows, sum(piece.bytes for piece in gone))


def _cut(connection: sqlite.Connection, manifest: Manifest, keep: Keep, needed_id: int) -> Iterator[Step]:
    """Write to the manifest which rows go next, unless rows of the last time are still there."""
    sealed = manifest.sealed()
    assert sealed
    if connection.execute("SELECT 1 FROM data_trace WHERE id <= ? LIMIT 1", (sealed.pruned_id,)).fetchone():
        return
    cut = retention.next_cut(connection, manifest, keep, needed_id, now_ns())
    if cut <= sealed.pruned_id:
        return
    try:
        last_ns = retention.checked(connection, manifest, sealed, cut)
    except ArchiveDamaged:
        if verification.unhandled(connection, sealed):
            return  # a row was superseded in the meantime: the sealer corrects its day first
        raise
    rows = connection.execute(
        "SELECT count(*) FROM data_trace WHERE id > ? AND id <= ?", (sealed.pruned_id, cut)
    ).fetchone()[0]
    last_ns = max(last_ns, last_ns if sealed.pruned_ns is None else sealed.pruned_ns)
    after = replace(sealed, pruned_id=cut, pruned_ns=last_ns, pruned_at_ns=now_ns())
    manifest.change(sealed, after, [], [], now_ns())
    yield Step("to be deleted from the log", rows)


def _say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenPipeError:
        os._exit(1)  # its parent has ended
