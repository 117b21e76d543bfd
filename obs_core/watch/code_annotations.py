"""Annotations about the code that recorded a value: the function of its call, and the location of its source code."""

import sqlite3

from obs_core.store.tail import TailRow


class CallLocator:
    """Looks up the call of a value in the log. A call that has not ended is not in the log yet."""

    def __init__(self, log: sqlite3.Connection) -> None:
        """Look in `log`, a log of this product."""
        self._log = log

    def __call__(self, row: TailRow) -> dict[str, str]:
        """The annotations code_function and code_location, if they are known."""
        function = row.function
        call = self._log.execute(
            "SELECT call.function, code.file, code.line FROM data_trace call LEFT JOIN code ON code.id = call.code_id "
            "WHERE call.trace_id = ? AND call.span_id = ?",
            (row.trace_id, row.parent_span_id),
        ).fetchone()
        annotations = {}
        if call is not None:
            function = call[0] or function
            if call[1]:
                annotations["code_location"] = f"{call[1]}:{call[2]}"
        if function:
            annotations["code_function"] = function
        return annotations
