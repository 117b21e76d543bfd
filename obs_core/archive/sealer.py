"""Seals a log and ends: a child process started as `python -m obs_core.archive.sealer LOG`.

It opens the log with DuckDB and the manifest with sqlite3 (ADR 1), runs at the lowest priority with one thread, and
writes a line of JSON to its standard output after each step. It ends when nobody reads them.
"""

import argparse
import json
import os
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from obs_core import safe_files, scanner
from obs_core.archive import lease
from obs_core.archive.limits import Limits
from obs_core.archive.manifest import folder_of
from obs_core.archive.progress import Report
from obs_core.archive.sealed_log import SealedLog
from obs_core.archive.sealing import Sealing
from obs_core.clock import SECOND, now_ns
from obs_core.errors import LogMissing, LogUnreadable, NotALog, ObsError
from obs_core.settings import from_environment
from obs_core.store import foreign, sqlite

MEMORY_MB: Final = 280
"""The most that DuckDB may use; the process stays below 400 MB."""


def main(arguments: list[str]) -> int:
    """Seal what is due; return the exit code."""
    defaults = Limits()
    parser = argparse.ArgumentParser(prog="python -m obs_core.archive.sealer")
    parser.add_argument("log", type=Path)
    parser.add_argument("--everything", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--drop-lost", action="store_true")
    parser.add_argument("--batch-rows", type=int, default=defaults.batch_rows)
    parser.add_argument("--forward-rows", type=int, default=defaults.forward_rows)
    parser.add_argument("--settle-s", type=float, default=defaults.settle_ns / SECOND)
    options = parser.parse_args(arguments)
    limits = Limits(
        batch_rows=options.batch_rows,
        forward_rows=options.forward_rows,
        settle_ns=round(options.settle_s * SECOND),
    )
    os.umask(0o077)  # what the log contains is for its owner only
    with suppress(OSError):
        os.nice(19)
    report = Report(options.log)
    try:
        flags = {"everything": options.everything, "check": options.check, "drop_lost": options.drop_lost}
        return _seal(options.log.absolute(), limits, report, **flags)
    except ObsError as error:
        failure = error
    except (scanner.Error, OSError) as error:
        failure = _translated(error, options.log)
    if not isinstance(failure, LogMissing | NotALog):
        report.fail(now_ns(), failure)
    _say({"error": failure.message, "hint": failure.hint})
    return failure.exit_code


def _seal(log: Path, limits: Limits, report: Report, **options: bool) -> int:
    if not log.is_file():
        raise LogMissing(f"No trace log at {log}.", "Trace a program, or run: python -m obs_core demo")
    folder = folder_of(log)
    with lease.held(folder) as is_mine:
        if not is_mine:
            _say({"action": "another sealer is running"})
            return 0
        shape = _shape(log)
        with (
            closing(SealedLog(log, memory_mb=MEMORY_MB, shape=shape)) as source,
            closing(Sealing(source, folder, limits, now_ns())) as sealing,
        ):
            ends = source.ends()
            report.step(now_ns(), sealing.range(), ends)
            for step in sealing.steps(**options):
                ids = (step.sealed.from_id, step.sealed.until_id) if step.sealed else None
                report.step(now_ns(), ids, ends)
                _say({"action": step.action, "rows": step.rows, "ids": ids or (0, 0), "newest_id": ends[1]})
            report.end(now_ns())
    return 0


def _shape(log: Path) -> foreign.Shape:
    """The shape of the log, which sqlite3 reads and closes before DuckDB opens the file.

    Raises:
        NotALog: it is not a log, or another program made it and it is not to be sealed, or can't be.
        LogUnreadable: SQLite can't read it now, such as on a full disk.
    """
    with closing(sqlite.connect(log)) as connection:
        try:
            shape = foreign.shape(connection, log)
        except sqlite.Error as error:
            raise sqlite.translate_error(error, log) from error
    if not shape.native and from_environment().archive != "all":
        raise NotALog(f"{log} was made by another program.", "Such logs are sealed if OBS_ARCHIVE=all.")
    if not shape.has_ids:
        message = f"{log} was made by another program, and its rows have no key by which a copy could refer to them."
        raise NotALog(message, "A table with SQLite's own row ids, or a column id with whole numbers, can be sealed.")
    return shape


def _say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - the parent reads it


def _translated(error: Exception, log: Path) -> ObsError:
    """The product's error for one of DuckDB or the system."""
    first = str(error).splitlines()[0]
    is_full = any(part in first for part in ("No space left", "File too large", "Disk quota"))
    if is_full or ("disk I/O error" in first and safe_files.is_full(log)):  # SQLite's, without a reason
        hint = "Free some space; no row of the log is lost, and sealing continues where it stopped."
        return LogUnreadable(f"The disk that holds {folder_of(log)} is full.", hint)
    return LogUnreadable(f"{log} could not be sealed: {first}", "Run: python -m obs_core archive verify")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenPipeError:
        os._exit(1)  # its parent has ended
