"""`drain`: moves the rows in the spools of dead programs (with --live also of running ones) into the log."""

import argparse
from typing import Final

from obs_core.capture.drain import recovery, writer_status
from obs_core.cli import argument_types
from obs_core.paths import folder_of
from obs_core.settings import from_environment

HELP: Final = "move rows that killed programs left in their spools into the log"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("--log", type=argument_types.log_path, help="the trace log (default: OBS_LOG)")
    parser.add_argument("--live", action="store_true", help="also drain the spools of running programs, once")


def run(arguments: argparse.Namespace) -> int:
    """Drain, and print what is left; 1 if rows of dead programs could not be moved."""
    log = (arguments.log or from_environment().log).absolute()
    said: list[str] = []
    moved = recovery.recover(folder_of(str(log)), log, live=arguments.live, report=said.append)
    print(f"{moved:,} rows moved into {log}.")
    left = [writer for writer in writer_status.writers(log) if writer.state == "GONE" and writer.queue]
    said += [f"{one.queue:,} rows of {one.process} (pid {one.pid}) are still queued: {one.last_error}" for one in left]
    print(*said, sep="\n", end="\n" if said else "")
    return 1 if said else 0
