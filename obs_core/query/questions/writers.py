"""How the writers of the log are doing."""

from typing import Final

from pandas import DataFrame

from obs_core.capture.drain import writer_status as reported
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
    """The writers as they are now, whatever the window: OK, DELAYED, CIRCUIT_OPEN or GONE, and what they counted."""
    del window
    writers = [writer for writer in reported.writers(engine.log) if group in (None, "", writer.process_group)]
    found = [[getattr(writer, column) for column in _COLUMNS] for writer in writers]
    frame = DataFrame(found, columns=list(_COLUMNS)).astype(_COLUMNS)
    frame.attrs = {"truncated": False, "approximate": False}
    return frame
