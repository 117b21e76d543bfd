"""`python -m obs_core.export.csv_process`: rows of a log as CSV on standard output; what is wanted comes as JSON.

The dashboard has long files written here, beside itself: a file of a million rows takes seconds of a processor, and in
the dashboard's own process every click would wait for its turn at the interpreter.
"""

import json
import sys
from itertools import chain
from pathlib import Path

from obs_core.clock import Window
from obs_core.export import csv
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.row_filter import RowFilter


def main() -> None:
    """Write the rows that the object on standard input names: log, window, group, row_filter and raw."""
    asked = json.load(sys.stdin)
    with Engine(Path(asked["log"]), row_cap=None) as engine:
        pieces = export.pieces(
            engine, Window(*asked["window"]), group=asked["group"], row_filter=RowFilter(**asked["row_filter"])
        )
        for part in csv.parts(chain.from_iterable(pieces), raw=asked["raw"]):
            sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
