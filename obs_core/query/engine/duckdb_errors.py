"""What DuckDB says when it can't answer, told in the product's own errors."""

from pathlib import Path

from obs_core.errors import BadParameter, LogMissing, LogUnreadable, WorkerFailed
from obs_core.query.engine.worker_pool import QueryFailed


def is_bad_text(error: QueryFailed) -> bool:
    """Whether DuckDB stumbled over a text in the log that is not UTF-8."""
    said = error.message.lower()
    return error.kind == "duckdb" and any(word in said for word in ("unicode", "utf-8", "utf8", "invalidated"))


def translate_error(error: QueryFailed, log: Path) -> WorkerFailed | LogUnreadable | LogMissing | BadParameter:
    """What DuckDB said of `log`, in the product's own errors."""
    first = error.message.splitlines()[0]
    if error.kind == "parameter":
        return BadParameter("A parameter holds text that is not valid Unicode.", "Type it again.")
    if "No such file" in first:
        return LogMissing(
            f"There is no trace log at {log.absolute()}.", "Trace a program, or run: python -m obs_core demo"
        )
    if "locked" in first or "busy" in first.lower():
        return LogUnreadable(f"{log} is locked by another program.", "Wait a moment; if it stays, stop that program.")
    if "memory" in first.lower():
        return WorkerFailed("The question needs more memory than it may have.", "Choose a shorter window, or a group.")
    return WorkerFailed(f"The question could not be answered: {first}", error.hint or "Try a shorter window.")
