"""`backup`: copies a log with its archive, alerts and rules to one file, while everything runs."""

import argparse

from obs_core.cli import argument_types
from obs_core.settings import from_environment
from obs_core.watch.backup import backup


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("file", type=argument_types.path, help="the file to write, for example log.tar")
    parser.add_argument("--log", type=argument_types.log_path, help="the trace log (default: OBS_LOG)")


def run(options: argparse.Namespace) -> int:
    """Write the copy and print its size."""
    log = (options.log or from_environment().log).absolute()
    size = backup(log, options.file.absolute())
    print(f"{log} is copied to {options.file} ({size / 1e6:,.1f} MB).")
    return 0
