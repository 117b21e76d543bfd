"""`python -m obs_core compare-logs`: rows by plain SQL and as the pages have them, with every difference."""

import argparse
import json
from dataclasses import asdict
from typing import Final

from obs_core import settings
from obs_core.cli import argument_types
from obs_core.cli.ask import time_ns_of
from obs_core.clock import Window, now_ns
from obs_core.errors import BadParameter
from obs_core.query import export
from obs_core.query.comparison.differences import compare
from obs_core.query.comparison.old_logs import OldFilter
from obs_core.query.engine.engine import Engine

_SHOWN: Final = 20  # differences of one kind that are printed
_LIMIT_S: Final = 600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--log", type=argument_types.log_path, help="the trace log (OBS_LOG, else logs/main_dashboard_logs.db)"
    )
    parser.add_argument("--from", dest="start", metavar="T", help="the window's start (default: all rows)")
    parser.add_argument("--to", dest="end", metavar="T", help="the window's end, exclusive (default: all rows)")
    parser.add_argument("--group", help="only rows of this process group")
    parser.add_argument("--process", help="only rows of this process")
    parser.add_argument("--status", help="only rows of status OK, ERROR or UNSET")
    parser.add_argument("--search", help="only rows that contain this text")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Compare, and print the differences; 1 if there are any."""
    log = options.log or settings.from_environment().log
    old_filter = OldFilter(options.group, options.process, options.status, options.search)
    with Engine(log, row_cap=None, limit_s=_LIMIT_S) as engine:
        now = now_ns()
        window = Window(
            time_ns_of(engine, options.start, now) if options.start else export.ALWAYS.from_ns,
            time_ns_of(engine, options.end, now) if options.end else min(export.ALWAYS.to_ns, now),
        )
        if window.from_ns > window.to_ns:
            raise BadParameter("The window ends before it starts.", "Give --from the earlier time.")
        comparison = compare(engine, window, old_filter)
    if options.json:
        report = {
            "rows": comparison.old_rows,
            "seconds": {"old": comparison.old_s, "new": comparison.new_s},
            "differences": [asdict(difference) for difference in comparison.differences],
        }
        print(json.dumps(report, indent=1))
    else:
        by_sql = f"{comparison.old_rows:,} rows by plain SQL ({comparison.old_s} s)"
        print(f"{by_sql}, {comparison.new_rows:,} by pages ({comparison.new_s} s).")
        for difference in comparison.differences[:_SHOWN]:
            print(f"{difference.what}: row {difference.row_id}: {difference.old} / {difference.new}")
        count = len(comparison.differences)
        print(f"{count:,} differences." if count else "No difference.")
    return int(bool(comparison.differences))
