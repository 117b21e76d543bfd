"""`configure` and `flush`: change the settings of a traced program, and wait for its log."""

import atexit
import os

from obs_core.capture import context, forks, writer
from obs_core.capture.options import changed
from obs_core.capture.values.limits import rules
from obs_core.capture.values.redact import Redaction


def configure(
    *,
    log: str | os.PathLike[str] | None = None,
    process: str | None = None,
    group: str | None = None,
    version: str | None = None,
    revision: str | None = None,
    disabled: bool | None = None,
    spool_mb: float | None = None,
    flush_ms: int | None = None,
    exit_s: float | None = None,
    text_cap: int | None = None,
    redact: str | None = None,
    synchronous: str | None = None,
    repr: bool | None = None,  # noqa: A002 - the name of the setting
    drain: bool | None = None,
) -> None:
    """Change settings of this process; the others keep their values. docs/settings.md describes each.

    Rows so far are flushed with the settings they were made with. A value that can't be used is reported (in the status
    of the writer, and as a warning of `logging`) and changes nothing.
    """
    given = {
        "log": log,
        "process": process,
        "group": group,
        "version": version,
        "revision": revision,
        "disabled": disabled,
        "spool_mb": spool_mb,
        "flush_ms": flush_ms,
        "exit_s": exit_s,
        "text_cap": text_cap,
        "redact": redact,
        "synchronous": synchronous,
        "repr": repr,
        "drain": drain,
    }
    _change({name: value for name, value in given.items() if value is not None})


def _change(given: dict[str, object]) -> None:
    process = writer.process
    if process.batch_lock.is_used_here():  # waiting for the lock could wait for this thread
        process.refuse("configure() was called by a finalizer or signal handler that interrupted a batch: no effect")
        return
    with process.lock:
        options, refused = changed(process.options, given)
        process.refused += refused
        if options != process.options:
            process.options = options  # first: a signal handler may start the next writer while this one is closed
            writer.end()
        process.report_refused()
    apply()


def flush(timeout_s: float = 5.0) -> bool:
    """Wait until every row so far is in the log; False if that takes longer than `timeout_s` seconds."""
    return writer.flush(timeout_s)


def apply() -> None:
    """Apply the current options to the description of values."""
    options = writer.process.options
    rules.cap = options.text_cap
    rules.foreign_repr = options.repr
    if options.redact != rules.redaction.names:
        rules.redaction = Redaction(options.redact)


apply()
context.extract()  # TRACEPARENT: this program continues a trace of its parent process
atexit.register(writer.end_of_program)
forks.register()
