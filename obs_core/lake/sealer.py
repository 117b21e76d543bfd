"""Writes a log to the shared lake and ends: a child process started as `python -m obs_core.lake.sealer LOG`.

The lake is the one of `OBS_STORE`, with the keys of `AWS_*`. It runs at the lowest priority with one thread, and writes
a line of JSON to its standard output after each step. It ends when nobody reads them.
"""

import argparse
import json
import os
import sys
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from obs_core import scanner
from obs_core.archive.sealed_log import SealedLog
from obs_core.clock import now_ns
from obs_core.errors import LogMissing, LogUnreadable, NotALog, ObsError, StoreUnreachable
from obs_core.lake import address, progress, writing
from obs_core.lake.lake import Lake
from obs_core.lake.progress import Progress
from obs_core.lake.sealing import BATCH_ROWS, Sealing
from obs_core.lake.writer import Mark, writer_of
from obs_core.settings import from_environment

MEMORY_MB: Final = 400


def main(arguments: list[str]) -> int:
    """Write what is due; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m obs_core.lake.sealer")
    parser.add_argument("log", type=Path)
    parser.add_argument("--settled-id", type=int, help="rows up to this id are written (default: all)")
    parser.add_argument("--settled-ns", type=int, help="all rows that reached the log before are among them")
    parser.add_argument("--batch-rows", type=int, default=BATCH_ROWS)
    parser.add_argument("--nice", type=int, default=19, help="by how much its priority is lowered")
    options = parser.parse_args(arguments)
    os.umask(0o077)
    with suppress(OSError):
        os.nice(options.nice)
    log: Path = options.log.absolute()
    try:
        store = address.parse(from_environment().store)
    except ObsError as error:
        return _fail(error)
    try:
        return _seal(log, store, options)
    except ObsError as error:
        failure = error
    except (scanner.Error, OSError) as error:
        failure = LogUnreadable(f"{log} could not be written to the shared lake: {str(error).splitlines()[0]}")
    if not isinstance(failure, LogMissing | NotALog):
        last = progress.read(log)
        last = last if last and last.store == store.shown else Progress(store.shown)
        with suppress(OSError):
            progress.write(log, replace(last, time_ns=now_ns(), error=failure.message, hint=failure.hint))
    return _fail(failure)


def _seal(log: Path, store: address.Address, options: argparse.Namespace) -> int:
    if not log.is_file():
        raise LogMissing(f"No trace log at {log}.", "Trace a program, or run: python -m obs_core demo")
    with closing(SealedLog(log, memory_mb=MEMORY_MB)) as traced:
        if not traced.is_ours():
            raise NotALog(f"{log} was made by another program.", "Only logs of this product are written to the lake.")
        lake = Lake(traced.connection, store, address.keys(os.environ))
        started_ns = now_ns()
        newest = traced.ends()[1]
        settled_id = newest if options.settled_id is None else min(newest, options.settled_id)
        settled_ns = started_ns if options.settled_ns is None else options.settled_ns
        try:
            writer = writer_of(lake, traced, log, started_ns)
            with writing.registered(lake, writer.number, now_ns) as before_step:
                sealing = Sealing(traced, lake, writer, batch_rows=options.batch_rows)
                mark = writer.mark()
                for step in sealing.steps(settled_id, settled_ns, started_ns):
                    mark = step.mark
                    _report(log, store, writer.number, mark)
                    _say({"action": step.action, "rows": step.rows, "until_id": mark.until_id, "newest_id": newest})
                    before_step()
                _report(log, store, writer.number, mark)
        except scanner.Error as error:
            raise lake.translated(error) from error
    return 0


def _report(log: Path, store: address.Address, writer: int, mark: Mark) -> None:
    with suppress(OSError):
        progress.write(log, Progress(store.shown, writer, mark.until_id, mark.newest_id, mark.complete_ns, now_ns()))


def _fail(error: ObsError) -> int:
    _say({"error": error.message, "hint": error.hint, "away": isinstance(error, StoreUnreachable)})
    return error.exit_code


def _say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenPipeError:
        os._exit(1)  # its parent has ended
