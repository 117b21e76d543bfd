"""`verify`: checks a log, its alerts and its archive."""

import argparse

from obs_core.cli import argument_types
from obs_core.errors import LogMissing
from obs_core.settings import from_environment
from obs_core.store import sqlite
from obs_core.watch.backup import problems

_DAMAGED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("--log", type=argument_types.log_path, help="the trace log (default: OBS_LOG)")


def run(options: argparse.Namespace) -> int:
    """Print what is wrong; 1 if something is."""
    log = (options.log or from_environment().log).absolute()
    if not log.is_file():
        raise LogMissing(f"No trace log at {log}.", "Check the path, or set OBS_LOG.")
    try:
        faults = problems(log)
    except sqlite.Error as error:
        raise sqlite.translate_error(error, log) from error
    print(*(faults or [f"{log}, its alerts and its archive are in order."]), sep="\n")
    return _DAMAGED if faults else 0
