"""The state of the writers of the log."""

from typing import Final

from pandas import DataFrame

from obs_core.capture.drain import writer_status
from obs_core.clock import Window
from obs_core.query.engine.engine import Engine

_COLUMNS: Final = {
    "process": "object",
    "pid": "int64",
    "state": "object",
    "queue": "int64",
    "capacity": "int64",
    "written": "int64",
    "dropped": "int64",
    "recovered": "int64",
    "last_flush_ns": "Int64",
    "process_group": "object",
    "oldest_ns": "Int64",
    "last_error": "object",
}


def status(engine: Engine, window: Window, *, group: str | None = None) -> DataFrame:
    """The current state of each writer (OK, DELAYED, CIRCUIT_OPEN or GONE) and its counters; the window is ignored."""
    del window
    known = writer_status.writers(engine.log) if engine.is_log else []  # who writes to a store is not known
    writers = [writer for writer in known if group in (None, "", writer.process_group)]
    rows = [[getattr(writer, column) for column in _COLUMNS] for writer in writers]
    frame = DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)
    frame.attrs = {"truncated": False, "approximate": False}
    return frame
