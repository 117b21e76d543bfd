"""Checks of the log: the file and its permissions, its writers, the disk it grows on, and its times."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from obs_core import safe_files
from obs_core.capture.drain import writer_status
from obs_core.cli.checks.finding import Finding
from obs_core.clock import DAY, HOUR, MINUTE, SECOND, iso_text
from obs_core.errors import LogMissing, ObsError
from obs_core.paths import folder_of
from obs_core.store import foreign, sqlite

_MB: Final = 1_000_000
_LARGE_WAL: Final = 500 * _MB
_FULL_SOON_DAYS: Final = 7
_YEARS: Final = 730  # days beyond which the number says nothing
_LEAST_FREE: Final = 100 * _MB
_AHEAD_NS: Final = MINUTE
_PROBE: Final = 10_000  # the newest rows that say how fast the log grows
_SHORTEST_NS: Final = 10 * MINUTE  # less says nothing about a day: a first program writes for seconds


class Extent(NamedTuple):
    """Rows of a log (by its ids), its oldest and newest time, and the time of the `_PROBE`th newest row."""

    rows: int
    newest_ns: int
    probe_rows: int
    probe_ns: int


def log(path: Path, now_ns: int) -> Iterator[Finding]:
    """The file: whether it is there, is a log and can be read and written, and what it says about clock and disk."""
    try:
        extent = _extent(path)
    except LogMissing:
        yield _without_log(path)
        return
    except ObsError as error:
        yield Finding("log", "error", error.message, error.hint)
        return
    size = sum(_size(f"{path}{suffix}") for suffix in ("", "-wal"))
    yield Finding("log", "ok", f"{path} has {extent.rows:,} rows, {size / _MB:,.1f} MB.")
    if (wal := _size(f"{path}-wal")) > _LARGE_WAL:
        text = f"The write-ahead log has {wal / _MB:,.0f} MB: a reader keeps SQLite from truncating it."
        yield Finding("write-ahead log", "warning", text, "Close programs that keep a transaction open on the log.")
    yield disk(path, size, extent, now_ns)
    yield clock(path, extent, now_ns)


def permissions(path: Path) -> Iterator[Finding]:
    """Whether this user may write the log and its folder, and whether others may read them."""
    folder = Path(folder_of(str(path)))
    parent = path.absolute().parent
    known = next(at for at in (parent, *parent.parents) if at.exists())
    if not os.access(known, os.W_OK | os.X_OK):
        yield Finding("permissions", "error", f"{known} can't be written.", "Change its owner or mode, or set OBS_LOG.")
        return
    for part in (path, folder):
        if not part.exists():
            continue
        if not os.access(part, os.R_OK | os.W_OK):
            yield Finding("permissions", "error", f"{part} can't be written.", "Change its owner or mode.")
            return
        mode = stat.S_IMODE(part.stat().st_mode)
        if mode & 0o077:
            hint = f"If it is not meant to be shared: chmod go= '{part}'"
            yield Finding("permissions", "warning", f"Other users may open {part} (mode {mode:04o}).", hint)
            return
    yield Finding(
        "permissions", "ok", f"Only you can open {path.name} and its files." if path.exists() else "Writable."
    )


def writers(path: Path) -> Finding:
    """The programs that write the log: rows that wait, were dropped, or were left by dead programs."""
    known = writer_status.writers(path)
    if left := sum(one.queue for one in known if one.state == "GONE"):
        text = f"{left:,} rows of ended programs are in their spools."
        return Finding("writers", "warning", text, "Run: python -m obs_core drain")
    if odd := [one.last_error for one in known if one.state == "GONE" and one.last_error]:
        return Finding("writers", "warning", odd[0], "Move the file away.")
    if late := [one for one in known if one.state != "OK"]:
        text = f"{late[0].process} (pid {late[0].pid}) is {late[0].state}, {late[0].queue:,} rows wait: "
        return Finding(
            "writers", "warning", text + (late[0].last_error or "the log is slow."), "Free the log or the disk."
        )
    if dropped := sum(one.dropped for one in known):
        return Finding("writers", "warning", f"{dropped:,} rows were dropped.", "Raise OBS_SPOOL_MB in the programs.")
    return Finding("writers", "ok", f"{len(known)} running, nothing waits." if known else "No program writes now.")


def disk(path: Path, size: int, extent: Extent, now_ns: int) -> Finding:
    """How much is free, and at the speed of the newest rows, for how many days that is enough."""
    free = shutil.disk_usage(path.parent).free
    text = f"{free / 1e9:,.1f} GB are free."
    if free < _LEAST_FREE:
        return Finding("disk", "error", text, "Free some space: writers keep 64 MB of rows each, then drop.")
    passed_ns = now_ns - extent.probe_ns
    if not extent.rows or passed_ns < _SHORTEST_NS:
        return Finding("disk", "ok", text)
    per_day = size / extent.rows * extent.probe_rows / passed_ns * DAY
    days = free / per_day if per_day else float("inf")
    text += f" The log grows by {per_day / _MB:,.1f} MB a day, so that lasts {_days(days)}."
    if days < _FULL_SOON_DAYS:
        return Finding("disk", "warning", text, "Delete or move the log, or seal it: python -m obs_core archive seal")
    return Finding("disk", "ok", text)


def clock(path: Path, extent: Extent, now_ns: int) -> Finding:
    """Whether rows come from the future, or the disk has another time than this machine."""
    if extent.rows and extent.newest_ns > now_ns + _AHEAD_NS:
        text = f"The newest row is of {iso_text(extent.newest_ns)}, which is in the future."
        return Finding("clock", "warning", text, "Check the clock of the program that wrote it.")
    probe = f"{path}.clock-{os.getpid()}"
    try:
        os.close(safe_files.make_file(probe))
        ahead_s = (Path(probe).stat().st_mtime_ns - now_ns) / SECOND
        Path(probe).unlink()
    except OSError as error:
        return Finding("clock", "warning", f"{path.parent}: {error.strerror}.", "Check who may write there.")
    if abs(ahead_s) > MINUTE / SECOND:
        text = f"The disk's clock differs by {ahead_s:,.0f} s."
        return Finding("clock", "warning", text, "Synchronize the clocks of this machine and its file server.")
    return Finding("clock", "ok", "The clock agrees with the log and the disk.")


def _extent(path: Path) -> Extent:
    """Read from the ends of the log's index, so it is quick at any size.

    Raises:
        ObsError: the file is missing, not a log, or can't be read.
    """
    connection = sqlite.connect(path)
    try:
        rows = foreign.shape(connection, path).rows
        last = connection.execute(f"SELECT max(id) FROM {rows}").fetchone()[0] or 0
        first = connection.execute(f"SELECT min(id) FROM {rows}").fetchone()[0] or 0
        probe = max(first, last - _PROBE + 1)
        about = [
            connection.execute(f"SELECT timestamp FROM {rows} WHERE id = ?", (at,)).fetchone() for at in (last, probe)
        ]
        newest_ns, probe_ns = (int(row[0]) if row and row[0] is not None else 0 for row in about)
    except sqlite.Error as error:
        raise sqlite.translate_error(error, path) from error
    finally:
        connection.close()
    return Extent(last - first + 1 if last else 0, newest_ns, last - probe + 1, probe_ns)


def _without_log(path: Path) -> Finding:
    return Finding("log", "warning", f"No log at {path} yet.", "Trace a program, or run: python -m obs_core demo")


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _days(days: float) -> str:
    return "for years" if days > _YEARS else f"{days:,.1f} days" if days >= 1 else f"{days * DAY / HOUR:,.0f} hours"
