"""Rows that could not be recorded: counted as dropped, and reported in the writer's status once per 20 s."""

import sys
from time import monotonic
from types import CodeType, TracebackType
from typing import Any, Final

from obs_core.capture.context import UNSAMPLED, current
from obs_core.capture.state import process
from obs_core.capture.values.limits import rules

_WARN_EVERY_S: Final = 20.0
_last_warning: Final = [-_WARN_EVERY_S]


def report_lost_row(error: BaseException) -> None:
    """Count a row that could not be made, and report why.

    An exception that a signal handler of the program raised while we recorded is the program's: it is raised again.
    """
    process.count_drop()
    if is_of_handler(error):
        raise error
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
    token = current.set(UNSAMPLED)  # traced functions that reporting calls are not the program's calls
    try:
        message = error.args[0] if len(error.args) == 1 and type(error.args[0]) is str else ""
        text = rules.redaction.scrubbed(f"a row was lost: {type(error).__name__}: {message}"[:2000])
        if process.writer is not None and not process.writer.closed:
            process.writer.spool.header.last_error = text
    finally:
        current.reset(token)


def is_of_handler(error: BaseException) -> bool:
    """Whether a signal handler of the program raised `error` while code of ours ran."""
    signals = sys.modules.get("signal")
    if signals is None or error.__traceback__ is None:
        return False
    try:
        codes = {_code_of(signals.getsignal(number)) for number in signals.valid_signals()}
        traceback: TracebackType | None = error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code in codes:
                return True
            traceback = traceback.tb_next
    except Exception:  # noqa: BLE001 - as above
        return False
    return False


def _code_of(handler: Any) -> CodeType | None:  # noqa: ANN401 - whatever the program registered
    code = getattr(getattr(handler, "__func__", handler), "__code__", None)
    return code if type(code) is CodeType else None
