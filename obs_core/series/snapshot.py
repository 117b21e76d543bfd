"""`<log>.rollup.db`: the series as far as they have been followed; it may be deleted and is built again."""

import json
import marshal
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from obs_core.errors import LogUnreadable, NotALog, SchemaTooNew
from obs_core.series.streaks import ReadingKey, Streak
from obs_core.series.tracker import Series, Variant
from obs_core.store import migrations, sqlite

SUFFIX: Final = ".rollup.db"
_FORMAT: Final = 2  # of marshal: without references between equal texts, which cost more than they save
Key = tuple[str, str]


class SeriesSnapshot(NamedTuple):
    """The last id of the log that was followed, what streaks were needed (texts of who needs them), and the series."""

    id: int
    needs: frozenset[str]
    series: dict[Key, Series]


def path_of(log: Path) -> Path:
    """The derived data of the log at `log`."""
    return log.with_name(log.name + SUFFIX)


def open_series(log: Path) -> sqlite.Connection:
    """Open the derived data of `log` for writing; what is damaged or from a newer version is made anew."""
    path = path_of(log)
    try:
        return migrations.open_database(path, "obs_core.series")
    except (NotALog, LogUnreadable, SchemaTooNew):
        for ending in ("", "-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        return migrations.open_database(path, "obs_core.series")


def load(connection: sqlite3.Connection) -> SeriesSnapshot:
    """What was saved last; nothing if there is nothing.

    Raises:
        ValueError, EOFError, TypeError: it is damaged.
    """
    found = connection.execute("SELECT id, needs FROM followed").fetchone()
    if not found:
        return SeriesSnapshot(0, frozenset(), {})
    series = {(row[0], row[1]): _series(row) for row in connection.execute("SELECT * FROM series")}
    return SeriesSnapshot(found[0], frozenset(json.loads(found[1])), series)


def save(connection: sqlite3.Connection, upto: int, needs: Iterable[str], changed: Iterable[Series]) -> None:
    """Keep the series that have changed, and how far the log has been followed, in one transaction."""
    with sqlite.transaction(connection):
        connection.executemany("INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, changed))
        connection.execute("INSERT OR REPLACE INTO followed VALUES (1, ?, ?)", (upto, json.dumps(sorted(needs))))


def clear(connection: sqlite3.Connection) -> None:
    """Forget everything: the log is another one, or is to be followed anew."""
    with sqlite.transaction(connection):
        connection.execute("DELETE FROM series")
        connection.execute("DELETE FROM followed")


def _packed(streaks: list[tuple[Any, ...]]) -> bytes:
    return marshal.dumps(streaks, _FORMAT)


def _row(series: Series) -> tuple[Any, ...]:
    streaks = [
        (*variant, *streak.first, streak.text, streak.length, streak.start_ns, streak.end_ns, streak.starts)
        for variant, streak in series.streaks.items()
    ]
    return (series.process, series.data, series.process_group, *series.last, series.beat_ns, _packed(streaks))


def _series(row: tuple[Any, ...]) -> Series:
    process, data, group, last_ns, last_id, beat_ns, packed = row
    streaks = {
        Variant(float(each[0]), bool(each[1])): Streak(
            ReadingKey(each[2], each[3], each[4], missing=each[5]),
            text=each[6],
            length=each[7],
            start_ns=each[8],
            end_ns=each[9],
            starts=each[10],
        )
        for each in marshal.loads(packed)  # noqa: S302 - what this module wrote
    }
    return Series(process, data, group, (last_ns, last_id), beat_ns, streaks)
