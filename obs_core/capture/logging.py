"""Log records become rows of kind `log`, tied to the running call: `logging.getLogger().addHandler(Handler())`."""

import logging

from obs_core.capture.calls.call import emit_value, is_off, lost, point_of
from obs_core.capture.spool.frames import CallSite
from obs_core.capture.values.exceptions import chain, sentence
from obs_core.capture.values.limits import cut


class Handler(logging.Handler):
    """Writes each record with its logger as Data, its level as Data Type and its message as Data Value."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write `record`; one that can't be written is passed over, as in any handler."""
        if is_off() or record.name == "obs_core":
            return
        try:
            more = {"type": record.levelname, **cut(self.format_message(record)), "attributes": _origin(record)}
            if record.levelno >= logging.ERROR:
                more["status"] = "ERROR"
            error = record.exc_info[1] if record.exc_info else None
            if error is not None:
                more |= {"exception": sentence(error), "stack": chain(error)}
            site = CallSite("log", record.name, f"{record.module}.{record.funcName}", None, None)
            emit_value(point_of(site), int(record.created * 1e9), None, more)
        except Exception as error:  # noqa: BLE001 - the traced program must not notice
            lost(error)

    def format_message(self, record: logging.LogRecord) -> str:
        """The record's text: by the handler's own formatter if it has one, else the bare message."""
        return self.formatter.format(record) if self.formatter else record.getMessage()


def _origin(record: logging.LogRecord) -> dict[str, object]:
    return {"code.file.path": record.pathname, "code.line.number": record.lineno}
