"""`python -m obs_core demo`: records three small programs, as data for the pages."""

import argparse
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from obs_core import settings
from obs_core.alerts import ledger
from obs_core.alerts.rules import parsing, sources
from obs_core.cli import argument_types
from obs_core.clock import now_ns
from obs_core.demo import recording
from obs_core.errors import BadParameter

RULE: Final = {
    "name": "stuck tide gauge",
    "kind": "stale",
    "process": "tide-gauge",
    "data": "sea_level_m",
    "threshold": 30,
}
"""The rule of the demo: one of its instruments gets stuck, and this fires."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to record (20)")
    parser.add_argument(
        "--log", type=argument_types.log_path, help="the log to record into (OBS_LOG, else logs/main_dashboard_logs.db)"
    )


def run(options: argparse.Namespace) -> int:
    """Record the demo and print the path of the log."""
    if not 0 < options.seconds < float("inf"):
        raise BadParameter("--seconds must be a number above 0.", "For example: --seconds 20")
    log = options.log or settings.from_environment().log
    progress = sys.stderr.isatty()

    def show_progress(passed: float) -> None:
        if progress:
            print(f"\rRecording … {passed:.0f} of {options.seconds:.0f} s", end="", file=sys.stderr, flush=True)

    recording.record(log, options.seconds, show_progress)
    if progress:
        print(file=sys.stderr)
    _add_rule(log.absolute())
    print(f"Recorded into {log.absolute()}")
    print("Open the dashboard: python -m obs_core serve")
    return 0


def _add_rule(log: Path) -> None:
    """Save the rule of the demo, unless there is one with its name."""
    with closing(ledger.open_ledger(log)) as connection, suppress(BadParameter):
        sources.add(connection, log, parsing.parse_rule(RULE), now_ns())
