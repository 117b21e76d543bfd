"""Where a drain resumes in a log: at the position that the log itself has, if the spool still holds what follows it."""

from obs_core.capture.drain.frame_source import FrameSource
from obs_core.store import sqlite


def position(connection: sqlite.Connection, source: FrameSource, reached: int) -> int:
    """The position in `source` after the last row that this log has; `reached` is what was moved, perhaps into another.

    A log without a position of this spool is another one (the old one was deleted or cut short) unless it knows the
    run of the spool's process.
    """
    in_log = position_of(connection, source.name)
    if in_log is None:
        return reached if _knows(connection, source) else min(source.oldest(), reached)
    return reached if in_log >= reached else max(in_log, min(source.oldest(), reached))


def count(source: FrameSource, start: int, end: int) -> int:
    """The number of frames between two positions."""
    frames = 0
    while start < end:
        some, after = source.read(start, 8192)
        if after <= start:
            break
        beyond = after > end and some  # the last piece: one by one
        if beyond:
            some, after = source.read(start, 1)
        frames += len(some)
        start = after
    return frames


def position_of(connection: sqlite.Connection, spool: str) -> int | None:
    """The drained position of `spool` in this log, or None if it has none."""
    row = connection.execute("SELECT position FROM drained WHERE spool = ?", (spool,)).fetchone()
    return int(row[0]) if row else None


def _knows(connection: sqlite.Connection, source: FrameSource) -> bool:
    """Whether this log has rows of the process of `source`; a receiver has no run, so any row counts."""
    header = source.header
    run = "SELECT 1 FROM run WHERE process = ? AND pid = ? AND started = ?"
    if connection.execute(run, (header.writer.process, header.pid, header.started_ns)).fetchone():
        return True
    only_received = not connection.execute("SELECT 1 FROM run LIMIT 1").fetchone()
    return only_received and connection.execute("SELECT 1 FROM data_trace LIMIT 1").fetchone() is not None
