"""Copies of a log with its archive, alerts and rules in one file, made while everything runs; and back again."""

import re
import shutil
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from obs_core import safe_files
from obs_core.alerts import ledger
from obs_core.alerts.rules import sources
from obs_core.archive import lease, pieces, verification
from obs_core.archive.manifest import NAME, Manifest, folder_of
from obs_core.errors import ArchiveMoved, FileRefused, LogMissing, LogUnreadable
from obs_core.store import sqlite

WAIT_S: Final = 600.0
_LOG: Final = "log.db"
_ALERTS: Final = "alerts.db"
_RULES: Final = "rules.toml"
_ARCHIVE: Final = "archive"
_MEMBER: Final = re.compile(rf"{_LOG}|{_ALERTS}|{_RULES}|{_ARCHIVE}/(?:{NAME}|\w+/[\w-]+\.parquet)", re.ASCII)


def backup(log: Path, file: Path, *, wait_s: float = WAIT_S) -> int:
    """Write a copy of `log`, its archive, alerts and rules to the tar `file`; return its size in bytes.

    The file appears when it is complete. Alerts are copied before the log, so they are never ahead of it; nothing is
    sealed or pruned meanwhile.

    Raises:
        ObsError: the log can't be read, the file exists or can't be written, or sealing did not end within `wait_s`.
    """
    if not log.is_file():
        raise LogMissing(f"No trace log at {log}.", "Check the path, or set OBS_LOG.")
    if file.exists():
        raise FileRefused(f"{file} exists.", "Choose another file, or remove it first.")
    part = file.with_name(file.name + ".part")
    try:
        part.touch(0o600)
        with _closed_archive(log, wait_s) as archive, tarfile.open(part, "w") as tar:
            if ledger.path_of(log).exists():
                _add_database(tar, ledger.path_of(log), _ALERTS, part)
            if sources.path_of(log).exists():
                tar.add(sources.path_of(log), _RULES)
            if archive:
                _add_database(tar, archive / NAME, f"{_ARCHIVE}/{NAME}", part)
                with Manifest(archive) as manifest:
                    for piece in manifest.pieces():
                        tar.add(archive / piece.file, f"{_ARCHIVE}/{piece.file}")
            _add_database(tar, log, _LOG, part)
        pieces.sync(part)
        part.rename(file)
        pieces.sync(file.absolute().parent)
    except sqlite.Error as error:
        if any(safe_files.is_full(path) for path in (file, log)):
            message = f"{file} can't be written: the disk is full."
            raise LogUnreadable(message, "Free some space, or choose a folder on another disk.") from error
        raise sqlite.translate_error(error, log) from error
    except (OSError, tarfile.TarError) as error:
        raise LogUnreadable(
            f"{file} can't be written: {error}.", "Check the folder, and whether its disk is full."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return file.stat().st_size


def restore(file: Path, log: Path) -> None:
    """Unpack a copy to the path `log`, at which there is nothing yet. The log appears last, when all is checked.

    Raises:
        FileRefused: there is a log, an archive or alerts already; or the file is not a backup, or is damaged.
    """
    targets = {_ARCHIVE: folder_of(log), _ALERTS: ledger.path_of(log), _RULES: sources.path_of(log), _LOG: log}
    folder = log.with_name(log.name + ".restore")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700, parents=True)
        _unpack(file, folder)
        if taken := [path for name, path in targets.items() if path.exists() and (folder / name).exists()]:
            raise FileRefused(f"{taken[0]} exists.", "Restore to another --log, or move it away first.")
        for name in (_ALERTS, _LOG):
            for fault in _database_faults(folder / name):
                raise FileRefused(f"{file} is damaged: {name} {fault}.", "Use another copy.")
        if (folder / _ARCHIVE).exists():
            with Manifest(folder / _ARCHIVE) as manifest:
                damaged = pieces.damaged(folder / _ARCHIVE, manifest.pieces(), whole=True)
            for name, fault in damaged.items():
                raise FileRefused(f"{file} is damaged: {name} {fault}.", "Use another copy.")
        for name, target in targets.items():
            if (folder / name).exists():
                (folder / name).rename(target)
    except (OSError, tarfile.TarError) as error:
        raise FileRefused(f"{file} can't be restored: {error}.", "Check that it is a backup, and the disk.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def problems(log: Path) -> list[str]:
    """What is wrong with the log, its alerts or its archive, one sentence each; reads all of them.

    Raises:
        ObsError: the log can't be opened.
    """
    faults = [
        f"{path} {fault}." for path in (log, ledger.path_of(log)) if path.exists() for fault in _database_faults(path)
    ]
    return faults or verification.problems(log)


@contextmanager
def _closed_archive(log: Path, wait_s: float) -> Iterator[Path | None]:
    """Within it, no other process changes the archive: its folder, or None if there is none."""
    folder = folder_of(log)
    if not (folder / NAME).exists():
        yield None
        return
    end_s = time.monotonic() + wait_s
    while True:
        with lease.held(folder) as is_mine:
            if is_mine:
                yield folder
                return
        if time.monotonic() > end_s:
            raise ArchiveMoved("The log is being sealed or pruned.", "Run the command again when that has ended.")
        time.sleep(0.2)


def _add_database(tar: tarfile.TarFile, path: Path, name: str, part: Path) -> None:
    """Add one state of a database that others may write."""
    copy = part.with_name(part.name + ".db")
    copy.unlink(missing_ok=True)
    copy.touch(0o600)
    try:
        with closing(sqlite.connect(path)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        tar.add(copy, name)
    finally:
        copy.unlink(missing_ok=True)


def _unpack(file: Path, folder: Path) -> None:
    with tarfile.open(file) as tar:
        members = tar.getmembers()
        names = {member.name for member in members}
        if _LOG not in names or not all(member.isfile() and _MEMBER.fullmatch(member.name) for member in members):
            raise FileRefused(f"{file} is not a backup of a log.", "Use a file that `obs_core backup` wrote.")
        for member in members:
            member.mode = 0o600
            tar.extract(member, folder, filter="data")
    for path in folder.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _database_faults(path: Path) -> list[str]:
    """What SQLite's own check finds wrong with a database."""
    if not path.exists():
        return []
    try:
        with closing(sqlite.connect(path)) as connection:
            rows = connection.execute("PRAGMA integrity_check(3)").fetchall()
    except sqlite.Error as error:
        return [f"can't be read: {error}"]
    return [] if rows == [("ok",)] else [f"is damaged: {text}" for (text,) in rows]
