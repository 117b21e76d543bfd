"""`drain`: moves rows that wait in spools into the log: those of dead programs, and of living ones when asked."""

import argparse
from pathlib import Path
from typing import Final

from obs_core.capture.drain import recovery, writer_status
from obs_core.paths import folder_of
from obs_core.settings import from_environment

HELP: Final = "move what killed programs left in their spools into the log"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--log", type=Path, help="the trace log (default: OBS_LOG)")
    parser.add_argument("--live", action="store_true", help="also drain the spools of running programs, once")


def run(arguments: argparse.Namespace) -> int:
    """Drain, and say what is left; 1 if rows still wait that should not."""
    log = (arguments.log or from_environment().log).absolute()
    moved = recovery.recover(folder_of(str(log)), log, live=arguments.live)
    print(f"{moved:,} rows moved into {log}.")
    left = [writer for writer in writer_status.writers(log) if writer.state == "GONE"]
    for writer in left:
        print(f"{writer.queue:,} rows of {writer.process} (pid {writer.pid}) still wait: {writer.last_error}")
    return 1 if left else 0
