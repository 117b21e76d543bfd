"""Translates DuckDB's errors into the product's own."""

from pathlib import Path

from obs_core.errors import BadParameter, LogMissing, LogUnreadable, MemoryExceeded, WorkerFailed
from obs_core.query.engine.worker_pool import QueryFailed


def is_bad_text(error: QueryFailed) -> bool:
    """Whether DuckDB failed on text in the log that is not UTF-8."""
    message = error.message.lower()
    return error.kind == "duckdb" and any(part in message for part in ("unicode", "utf-8", "utf8", "invalidated"))


def translate_error(error: QueryFailed, log: Path | str) -> WorkerFailed | LogUnreadable | LogMissing | BadParameter:
    """The product's own error for what DuckDB reported about `log`."""
    first = error.message.splitlines()[0]
    if error.kind == "parameter":
        return BadParameter("A parameter contains text that is not valid Unicode.", "Enter it again.")
    if "No such file" in first:
        return LogMissing(
            f"No trace log at {Path(log).absolute()}.", "Trace a program, or run: python -m obs_core demo"
        )
    if "locked" in first or "busy" in first.lower():
        return LogUnreadable(
            f"{log} is locked by another program.", "Try again in a moment; if it stays locked, stop that program."
        )
    if "memory" in first.lower():
        return MemoryExceeded("The question exceeds the memory limit.", "Choose a shorter window, or a group.")
    return WorkerFailed(f"The question could not be answered: {first}", error.hint or "Try a shorter window.")
