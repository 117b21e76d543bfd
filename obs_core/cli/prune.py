"""`prune`: deletes rows that are not to be kept, or says which would go."""

import argparse
from contextlib import closing
from pathlib import Path

from obs_core import settings
from obs_core.archive import lease, pruner, retention
from obs_core.archive.limits import Keep
from obs_core.archive.manifest import NAME, Manifest, folder_of
from obs_core.cli import argument_types
from obs_core.clock import now_ns, period_text
from obs_core.errors import ArchiveMoved, LogMissing
from obs_core.store import sqlite
from obs_core.watch.needed import needed_id


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("--log", type=argument_types.log_path, help="the trace log (default: OBS_LOG)")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")


def run(options: argparse.Namespace) -> int:
    """Delete, or say what would be deleted."""
    current = settings.from_environment()
    log: Path = (options.log or current.log).absolute()
    keep = Keep(current.keep_ns, current.keep_archive_ns, current.keep_rollups_ns, current.max_bytes or None)
    try:
        return _run(log, keep, dry_run=options.dry_run)
    except sqlite.Error as error:
        raise sqlite.translate_error(error, log) from error


def _run(log: Path, keep: Keep, *, dry_run: bool) -> int:
    if not log.is_file():
        raise LogMissing(f"No trace log at {log}.", "Trace a program, or run: python -m obs_core demo")
    if not (folder_of(log) / NAME).exists():
        print(f"{log} has no archive; only rows that are in one are deleted. Run: python -m obs_core archive seal")
        return 0
    if keep.everything:
        print("Everything is kept. OBS_KEEP, OBS_KEEP_ARCHIVE, OBS_KEEP_ROLLUPS and OBS_MAX_SIZE say what is not.")
        return 0
    print(_described(keep))
    if dry_run:
        _preview(log, keep)
        return 0
    with lease.held(folder_of(log)) as is_mine:
        if not is_mine:
            raise ArchiveMoved("The log is being sealed or pruned right now.", "Run the command again later.")
        for step in pruner.steps(log, keep, needed_id(log), grace_s=pruner.GRACE_S, work_s=float("inf")):
            size = f", {step.bytes / 1e6:,.1f} MB" if step.bytes else ""
            print(f"{step.action}: {step.rows:,} rows{size}")
    return 0


def _preview(log: Path, keep: Keep) -> None:
    """Print what the next runs delete."""
    with closing(sqlite.connect(log)) as connection, Manifest(folder_of(log)) as manifest:
        sealed = manifest.sealed()
        after_id = sealed.pruned_id if sealed else 0
        size = retention.usage(connection, manifest, 0)
        print(f"log: {size.log_bytes / 1e6:,.1f} MB, archive: {size.archive_bytes / 1e6:,.1f} MB")
        cut = max(after_id, retention.next_cut(connection, manifest, keep, needed_id(log), now_ns()))
        rows = connection.execute("SELECT count(*) FROM data_trace WHERE id <= ?", (cut,)).fetchone()[0]
        print(f"from the log: {rows:,} rows, about {rows * size.row_bytes / 1e6:,.1f} MB; the archive keeps them")
        gone = retention.expired(connection, manifest, keep, now_ns())
    rows = sum(piece.rows for piece in gone if piece.what == "rows")
    megabytes = sum(piece.bytes for piece in gone) / 1e6
    print(f"from the archive: {len({piece.day for piece in gone}):,} days, {rows:,} rows, {megabytes:,.1f} MB")


def _described(keep: Keep) -> str:
    """The settings, in a line."""
    ages = (("rows in the log", keep.rows_ns), ("in the archive", keep.archive_ns), ("rollups", keep.rollups_ns))
    parts = [f"{name} {period_text(age)}" for name, age in ages if age is not None]
    return "kept: " + ", ".join([*parts, *([f"at most {keep.max_bytes / 1e6:,.0f} MB"] if keep.max_bytes else [])])
