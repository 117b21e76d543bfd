"""`<log>.rollup.db`: the saved state of all series; it can be deleted and is rebuilt."""

import json
import marshal
import sqlite3
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from obs_core.errors import LogUnreadable, NotALog, SchemaTooNew
from obs_core.series.streaks import ReadingKey, Streak
from obs_core.series.tracker import Series, Variant
from obs_core.store import migrations, sqlite

SUFFIX: Final = ".rollup.db"
_FORMAT: Final = 2  # of marshal: without references between equal texts, which cost more time than they save
Key = tuple[str, str]


class SeriesSnapshot(NamedTuple):
    """The id up to which the log was read, the streaks that were needed (as texts), and the series."""

    id: int
    needs: frozenset[str]
    series: dict[Key, Series]


def path_of(log: Path) -> Path:
    """The path of the snapshot of `log`."""
    return log.with_name(log.name + SUFFIX)


def open_series(log: Path) -> sqlite.Connection:
    """Open the snapshot of `log` for writing; a file that is damaged or of a newer version is replaced."""
    path = path_of(log)
    try:
        return migrations.open_database(path, "obs_core.series")
    except (NotALog, LogUnreadable, SchemaTooNew):
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return migrations.open_database(path, "obs_core.series")


def load(connection: sqlite3.Connection) -> SeriesSnapshot:
    """The last snapshot; an empty one if none was saved.

    Raises:
        ValueError, EOFError, TypeError: the snapshot is damaged.
    """
    header = connection.execute("SELECT id, needs FROM followed").fetchone()
    if not header:
        return SeriesSnapshot(0, frozenset(), {})
    series = {(row[0], row[1]): _series(row) for row in connection.execute("SELECT * FROM series")}
    return SeriesSnapshot(header[0], frozenset(json.loads(header[1])), series)


def save(connection: sqlite3.Connection, up_to_id: int, needs: Iterable[str], changed: Iterable[Series]) -> None:
    """Save the series that have changed, and the id up to which the log was read, in one transaction."""
    with sqlite.transaction(connection):
        connection.executemany("INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, changed))
        connection.execute("INSERT OR REPLACE INTO followed VALUES (1, ?, ?)", (up_to_id, json.dumps(sorted(needs))))


def clear(connection: sqlite3.Connection) -> None:
    """Delete the snapshot: the log was replaced, or is read again from its start."""
    with sqlite.transaction(connection):
        connection.execute("DELETE FROM series")
        connection.execute("DELETE FROM followed")


def _packed(streaks: list[tuple[Any, ...]]) -> bytes:
    return marshal.dumps(streaks, _FORMAT)


def _row(series: Series) -> tuple[Any, ...]:
    streaks = [
        (*variant, *streak.first, streak.text, streak.length, streak.start_ns, streak.end_ns, streak.packed.tobytes())
        for variant, streak in series.streaks.items()
    ]
    return (series.process, series.data, series.process_group, *series.last, series.last_seen_ns, _packed(streaks))


def _series(row: tuple[Any, ...]) -> Series:
    process, data, group, last_ns, last_id, last_seen_ns, packed = row
    streaks = {
        Variant(float(item[0]), bool(item[1])): Streak(
            ReadingKey(item[2], item[3], item[4], missing=item[5]),
            text=item[6],
            length=item[7],
            start_ns=item[8],
            end_ns=item[9],
            packed=array("q", item[10]),
        )
        for item in marshal.loads(packed)  # noqa: S302 - written by this module
    }
    return Series(process, data, group, (last_ns, last_id), last_seen_ns, streaks)
