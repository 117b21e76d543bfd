"""A handler of `logging`: records become rows of kind `log`, linked to the running call.

logging.getLogger().addHandler(Handler())
"""

import logging
from typing import Any, Final

from obs_core.capture.calls.call import emit_value, handle_of
from obs_core.capture.lost_rows import report_lost_row
from obs_core.capture.reentry import is_off
from obs_core.capture.spool.frames import CallSite
from obs_core.capture.values.exceptions import exception_chain, type_and_message
from obs_core.capture.values.limits import cut

_LARGE: Final = 64 * 1024  # characters of a message or an argument


class Handler(logging.Handler):
    """Writes each record as a row: its logger as Data, its level as Data Type, its message as Data Value."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write `record`; errors are swallowed, as in any handler."""
        if is_off() or record.name == "obs_core":
            return
        try:
            details = {"type": record.levelname, **cut(self.format_message(record)), "attributes": _origin(record)}
            if record.levelno >= logging.ERROR:
                details["status"] = "ERROR"
            error = record.exc_info[1] if record.exc_info else None
            if error is not None:
                details |= {"exception": type_and_message(error), "stack": exception_chain(error)}
            site = CallSite("log", record.name, f"{record.module}.{record.funcName}", None, None)
            emit_value(handle_of(site), int(record.created * 1e9), None, details)
        except Exception as error:  # noqa: BLE001 - the traced program must not notice
            report_lost_row(error)

    def format_message(self, record: logging.LogRecord) -> str:
        """The text of the record: from the handler's formatter if it has one, else the bare message."""
        record = _bounded(record)
        return self.formatter.format(record) if self.formatter else record.getMessage()


def _bounded(record: logging.LogRecord) -> logging.LogRecord:
    """The record, or a copy without the rest of very long texts, so that its text is not made whole first.

    An exception with a very long argument is left to the row's own exception and stack.
    """
    arguments = record.args if isinstance(record.args, tuple) else ()
    error = record.exc_info[1] if record.exc_info else None
    raised = error.args if error is not None else ()
    if not any(isinstance(text, str | bytes) and len(text) > _LARGE for text in (record.msg, *arguments, *raised)):
        return record
    copied = logging.makeLogRecord(record.__dict__)
    copied.msg, copied.args = _head(record.msg), tuple(map(_head, arguments)) if arguments else record.args
    if any(isinstance(text, str | bytes) and len(text) > _LARGE for text in raised):
        copied.exc_info = copied.exc_text = None
    return copied


def _head(text: Any) -> Any:  # noqa: ANN401 - any argument of a message
    return text[:_LARGE] if isinstance(text, str | bytes) else text


def _origin(record: logging.LogRecord) -> dict[str, object]:
    return {"code.file.path": record.pathname, "code.line.number": record.lineno}
