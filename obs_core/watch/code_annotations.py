"""Which code wrote a value: the function of the call that recorded it, and where its source is."""

import sqlite3

from obs_core.store.tail import TailRow


class CodeOf:
    """Looks up the call of a value in the log; a call that has not ended is not there yet, and nothing is said."""

    def __init__(self, log: sqlite3.Connection) -> None:
        """Look in `log`, a log of ours."""
        self._log = log

    def __call__(self, row: TailRow) -> dict[str, str]:
        """The annotations code_function and code_location, as far as they are known."""
        function = row.function
        found = self._log.execute(
            "SELECT call.function, code.file, code.line FROM data_trace call LEFT JOIN code ON code.id = call.code_id "
            "WHERE call.trace_id = ? AND call.span_id = ?",
            (row.trace_id, row.parent_span_id),
        ).fetchone()
        annotations = {}
        if found is not None:
            function = found[0] or function
            if found[1]:
                annotations["code_location"] = f"{found[1]}:{found[2]}"
        if function:
            annotations["code_function"] = function
        return annotations
