"""`archive`: seals the log's older rows into Parquet files, says how far it is sealed, and checks the files."""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from obs_core import settings, subprocesses
from obs_core.archive import verification
from obs_core.archive.manifest import folder_of
from obs_core.cli import argument_types
from obs_core.errors import ObsError, WorkerFailed
from obs_core.store import sqlite

_DAMAGED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    seal = actions.add_parser("seal", help="seal all rows of the log but the newest")
    status = actions.add_parser("status", help="say how far the log is sealed")
    verify = actions.add_parser("verify", help="check the files of the archive; exit code 1 if something is wrong")
    verify.add_argument("--repair", action="store_true", help="make damaged files again from the log")
    verify.add_argument(
        "--drop-lost", action="store_true", help="with --repair: give up rows that only a damaged file had"
    )
    for action in (seal, status, verify):
        action.add_argument("--log", type=argument_types.log_path, help="the trace log (default: OBS_LOG)")


def run(options: argparse.Namespace) -> int:
    """Run one action."""
    log: Path = (options.log or settings.from_environment().log).absolute()
    try:
        return _run(options, log)
    except sqlite.Error as error:
        raise sqlite.translate_error(error, log) from error


def _run(options: argparse.Namespace, log: Path) -> int:
    if options.action == "seal":
        _seal(log)
        _print_status(log)
        return 0
    if options.action == "status":
        _print_status(log)
        return 0
    return _verify(log, repair=options.repair, drop_lost=options.drop_lost)


def _verify(log: Path, *, repair: bool, drop_lost: bool) -> int:
    problems = verification.problems(log)
    for problem in problems:
        print(problem)
    if problems and repair:
        _seal(log, "--check", *(["--drop-lost"] if drop_lost else []))
        problems = verification.problems(log)
        for problem in problems:
            print(f"After the repair: {problem}")
    if problems:
        print("The archive is damaged. Run: python -m obs_core archive verify --repair", file=sys.stderr)
        return _DAMAGED
    status = verification.status(log)
    print(f"{status.files:,} files with {status.rows:,} rows are as the manifest and the log say.")
    return 0


def _print_status(log: Path) -> None:
    status = verification.status(log)
    if status.sealed is None:
        print(f"Nothing of {log} ({status.log_rows:,} rows) is sealed. Run: python -m obs_core archive seal")
        return
    share = status.rows / max(status.log_rows, 1)
    size = f"{status.bytes / 1e6:,.1f} MB, {status.bytes / max(status.rows, 1):.0f} bytes per row"
    print(f"{status.rows:,} of {status.log_rows:,} rows ({share:.1%}) are sealed in {folder_of(log)}")
    print(f"{status.files:,} files of {status.days:,} days: {size}")


def _seal(log: Path, *options: str) -> None:
    """Run the sealer to its end and show what it does.

    Raises:
        ObsError: it failed.
    """
    sealer = subprocess.Popen(
        subprocesses.command("obs_core.archive.sealer", str(log), "--everything", *options),
        stdout=subprocess.PIPE,
        env=subprocesses.environment(OBS_DISABLED="1"),
        text=True,
    )
    try:
        error = None
        for line in _lines(sealer):
            if "error" in line:
                error = ObsError(str(line["error"]), str(line["hint"]))
            elif "rows" in line:
                print(f"{line['action']}: {line['rows']:,} rows", file=sys.stderr)
            else:
                print(f"{line['action']}", file=sys.stderr)
        if error:
            raise error
        if code := sealer.wait():
            raise WorkerFailed(f"The sealer exited with code {code}.", "Run the command again.")
    finally:
        sealer.kill()
        sealer.wait()


def _lines(sealer: "subprocess.Popen[str]") -> Iterator[dict[str, object]]:
    """What the sealer says, as it says it."""
    assert sealer.stdout
    with sealer.stdout:
        yield from map(json.loads, sealer.stdout)
