"""Imports a file in one transaction and counts the rows that were read, stored, already there and refused."""

import hashlib
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from obs_core.capture.values.limits import rules
from obs_core.errors import FileRefused, NotTraces
from obs_core.ingest import archives
from obs_core.ingest.archives import STANDARD_INPUT, Member, Opened
from obs_core.ingest.formats import detect
from obs_core.ingest.formats.registry import format_names
from obs_core.ingest.formats.rows import Refused
from obs_core.ingest.redaction import without_secrets
from obs_core.model import Row
from obs_core.store import log, sqlite

_BATCH: Final = 5_000
_HASHED: Final = 1 << 20
_MOST_REPORTED: Final = 1_000  # refused parts of a file; a file may have millions

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """The result for one file: its parts, the new rows of the log, and the parts merged, already there or refused.

    `read` is `stored` + `merged` + `already` + `refused_count`; `refused` has the first of the refused parts.
    """

    file: Path
    read: int
    stored: int
    merged: int
    already: int
    refused_count: int
    refused: tuple[Refused, ...]


def checked(file: Path) -> Path:
    """`file`, if it is readable, a directory, or `-` for standard input.

    Raises:
        FileRefused: it is missing, empty or not readable.
    """
    if file == STANDARD_INPUT or file.is_dir():
        return file
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # a pipe can't be read twice, and a device has no end
            raise FileRefused(f"{file} is not a regular file.", "Send a pipe to standard input, and name it -.")
        with file.open("rb") as stream:
            if not stream.read(1):
                raise NotTraces(f"{file} is empty.", "Check how it was written.")
    except FileNotFoundError as error:
        raise FileRefused(f"The file {file} does not exist.", "Check its name and the current directory.") from error
    except OSError as error:
        raise FileRefused(f"{file} can't be read: {error.strerror}.", "Check its permissions.") from error
    return file


def within(folder: Path) -> list[Path]:
    """The files in a folder and its subfolders, by name, without hidden files."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return sorted(file for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts))


def import_file(
    connection: sqlite.Connection,
    file: Path,
    *,
    now: int,
    again: bool = False,
    values: Collection[str] = (),
    progress: Progress = lambda _: None,
) -> Imported:
    """Store the rows of `file` in one transaction: all of them, or none.

    Rows with an id are recognised by (trace_id, span_id). Rows without an id are recognised by the content of their
    file, packed or not: the same content is stored once, unless `again`. Attributes of spans named in `values` become
    values. Members of an archive that are not traces are listed in `refused`. `progress` is called from time to time
    with the share of the file that has been read.

    Raises:
        FileRefused: it is not a trace file; the message names the file, the member and the line, if known.
    """
    if file.is_dir():
        raise FileRefused(f"{file} is a directory.", "Name the files inside it.")
    done = _Counts()
    with archives.opened(checked(file)) as opened, sqlite.transaction(connection):
        for member in opened.members:
            try:
                _import_member(
                    connection, member, done, now=now, again=again, batches=_batches(opened, member, values, progress)
                )
                done.members += 1
            except NotTraces as error:
                if not member.name:
                    raise
                done.refuse([Refused(0, error.message.removeprefix(f"{member.title}: "), member.name)])
        if not done.members:
            raise NotTraces(f"{file} has no trace files.", f"Pack files of {format_names()}.")
    already = done.read - done.stored - done.merged - done.refused_count
    return Imported(file, done.read, done.stored, done.merged, already, done.refused_count, tuple(done.refused))


class _Counts:
    """The counts so far."""

    def __init__(self) -> None:
        self.members = self.read = self.stored = self.merged = self.refused_count = 0
        self.refused: list[Refused] = []

    def refuse(self, parts: list[Refused]) -> None:
        """Count refused parts, and store the first of them."""
        count = sum(part.parts for part in parts)
        self.refused_count += count
        self.read += count
        self.refused += parts[: _MOST_REPORTED - len(self.refused)]


def _import_member(
    connection: sqlite.Connection,
    member: Member,
    done: _Counts,
    *,
    now: int,
    again: bool,
    batches: Iterable[list[Row | Refused]],
) -> None:
    """Store the rows of one stream, which is read twice only if it has rows without an id (to hash its content)."""
    digest, known, keyless = "", False, 0
    for batch in batches:
        rows = [row for row in batch if isinstance(row, Row)]
        if len(rows) < len(batch):
            done.refuse([part._replace(member=member.name) for part in batch if isinstance(part, Refused)])
        loose = [row.span_id for row in rows].count(None)
        if loose and not digest:
            digest = _digest(member)
            known = not again and log.was_imported(connection, digest)
        done.read += len(rows)
        keyless += loose
        outcome = log.store(connection, [row for row in rows if row.span_id] if known and loose else rows)
        done.stored += outcome.stored
        done.merged += outcome.merged
        if outcome.differing:
            done.read -= len(outcome.differing)  # they were counted as rows
            done.refuse([Refused(0, why, member.name) for _, why in outcome.differing])
    if keyless and not known:
        log.mark_imported(connection, digest, member.title, keyless, now)


def _batches(
    opened: Opened, member: Member, values: Collection[str], progress: Progress
) -> Iterator[list[Row | Refused]]:
    with member.open() as stream:
        parts, redaction = detect.rows(stream, member.title, values), rules.redaction
        while batch := list(islice(parts, _BATCH)):
            progress(opened.share())
            yield [without_secrets(part, redaction) if isinstance(part, Row) else part for part in batch]


def _digest(member: Member) -> str:
    digest = hashlib.sha256()
    with member.open() as stream:
        while chunk := stream.read(_HASHED):
            digest.update(chunk)
    return digest.hexdigest()
