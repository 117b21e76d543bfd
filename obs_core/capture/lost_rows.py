"""Rows that could not be recorded: counted as dropped, and reported in the writer's status once per 20 s."""

from time import monotonic
from typing import Final

from obs_core.capture.context import RECORDING, current
from obs_core.capture.signals import pass_on
from obs_core.capture.state import process
from obs_core.capture.values.limits import rules

_WARN_EVERY_S: Final = 20.0
_last_warning: Final = [-_WARN_EVERY_S]


def report_lost_row(error: BaseException) -> None:
    """Count a row that could not be made, and report why.

    An exception that a signal handler of the program raised meanwhile, KeyboardInterrupt, and one that another thread
    set are raised again; it is not counted if its frame was accepted before (see `writer.start`).
    """
    if process.interrupted_by == id(error):
        process.interrupted_by = 0
    else:
        process.count_drop()
    pass_on(error)
    report(error)


def report(error: BaseException) -> None:
    """Report why a row was lost in the writer's status, once per 20 s; never raises an Exception.

    Not with `logging`: a program's handlers and tests would see a record that is not the program's.
    """
    try:
        now = monotonic()
        if now - _last_warning[0] >= _WARN_EVERY_S:
            _last_warning[0] = now
            _report(error)
    except Exception:  # noqa: BLE001 - the interpreter is ending, or the stack is at its limit
        return


def _report(error: BaseException) -> None:
    token = current.set(RECORDING)  # traced functions that reporting calls are not the program's calls
    try:
        message = error.args[0] if len(error.args) == 1 and type(error.args[0]) is str else ""
        text = rules.redaction.scrubbed(f"a row was lost: {type(error).__name__}: {message}"[:2000])
        if process.writer is not None and not process.writer.closed:
            process.writer.spool.header.last_error = text
    finally:
        current.reset(token)
