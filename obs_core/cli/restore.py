"""`restore`: unpacks a copy that `backup` wrote."""

import argparse

from obs_core.cli import argument_types
from obs_core.settings import from_environment
from obs_core.watch.backup import restore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("file", type=argument_types.path, help="a file that backup wrote")
    parser.add_argument("--log", type=argument_types.log_path, help="the path of the restored log (default: OBS_LOG)")


def run(options: argparse.Namespace) -> int:
    """Unpack the copy."""
    log = (options.log or from_environment().log).absolute()
    restore(options.file.absolute(), log)
    print(f"{log} is restored from {options.file}.")
    return 0
