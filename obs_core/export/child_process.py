"""`python -m obs_core.export.child_process`: writes rows of a log to standard output; the request is JSON on input.

The dashboard runs large exports in this child process: a CSV of a million rows takes seconds of processor time, and in
the dashboard's own process every click would wait for the interpreter.
"""

import json
import sys
from itertools import chain
from pathlib import Path

from obs_core.clock import Window
from obs_core.export.export_format import Options
from obs_core.export.registry import FORMATS
from obs_core.query import export
from obs_core.query.engine.opening import engine_on
from obs_core.query.filters.row_filter import RowFilter
from obs_core.settings import store_url


def main() -> None:
    """Write the rows of the request: an object with log, is_log, window, group, row_filter, format and raw."""
    request = json.load(sys.stdin)
    store = "" if request["is_log"] else store_url()
    with engine_on(Path(request["log"]), store, row_cap=None) as engine:
        pieces = export.pieces(
            engine, Window(*request["window"]), group=request["group"], row_filter=RowFilter(**request["row_filter"])
        )
        export_format, options = FORMATS[request["format"]], Options(raw=request["raw"])
        for part in export_format.parts(chain.from_iterable(pieces), options):
            sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
