"""`lake`: writes the log to the shared lake of OBS_STORE, says how far each host is, and does the upkeep."""

import argparse
import json
import os
import subprocess
import sys
from contextlib import closing

from obs_core import scanner, settings, subprocesses
from obs_core.cli import argument_types
from obs_core.clock import iso_text
from obs_core.errors import BadParameter, ObsError, WorkerFailed
from obs_core.lake import address
from obs_core.lake.lake import Lake
from obs_core.lake.writers import writers

_MEMORY_MB = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    write = actions.add_parser("write", help="write all rows of the log to the lake, now")
    write.add_argument("--log", type=argument_types.log_path, help="the trace log (default: OBS_LOG)")
    actions.add_parser("status", help="say which hosts write to the lake, and how far they are")
    actions.add_parser("upkeep", help="merge small files, delete old ones; on one host at a time")


def run(options: argparse.Namespace) -> int:
    """Run one action."""
    current = settings.from_environment()
    if not current.store:
        raise BadParameter("OBS_STORE is not set.", "See docs/lake.md: OBS_STORE=ducklake:postgres://…?data=s3://…")
    store = address.parse(current.store)
    if options.action == "write":
        _run_child("obs_core.lake.sealer", str((options.log or current.log).absolute()))
    elif options.action == "upkeep":
        _run_child("obs_core.lake.upkeep")
    else:
        _print_status(store)
    return 0


def _print_status(store: address.Address) -> None:
    with closing(scanner.connect(_MEMORY_MB, threads=1)) as connection:
        lake = Lake(connection, store, address.keys(os.environ))
        try:
            states = writers(lake)
        except scanner.Error as error:
            raise lake.translated(error) from error
    if not states:
        print(f"No host writes to {store.shown} yet.")
    for writer in states:
        complete = iso_text(writer.mark.complete_ns) if writer.mark.complete_ns else "not yet"
        behind = writer.mark.newest_id - writer.mark.until_id
        print(f"{writer.writer}  {writer.host}  {writer.log}: complete until {complete}, {behind:,} newer ids")


def _run_child(module: str, *arguments: str) -> None:
    """Run a child to its end and show what it does.

    Raises:
        ObsError: it failed.
    """
    child = subprocess.Popen(
        subprocesses.command(module, *arguments),
        stdout=subprocess.PIPE,
        env=subprocesses.environment(OBS_DISABLED="1"),
        text=True,
    )
    error = None
    try:
        assert child.stdout
        with child.stdout:
            for line in child.stdout:
                said = json.loads(line)
                if "error" in said:
                    error = ObsError(said["error"], said["hint"])
                else:
                    count = said.get("rows", said.get("count"))
                    print(said["action"] if count is None else f"{said['action']}: {count:,}", file=sys.stderr)
        if error:
            raise error
        if code := child.wait():
            raise WorkerFailed(f"The child process exited with code {code}.", "Run the command again.")
    finally:
        child.kill()
        child.wait()
