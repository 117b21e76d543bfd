"""Importing a file: what it is, its rows in one transaction, and what was read, stored, already there and refused."""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

from obs_core.errors import FileRefused
from obs_core.ingest import csv_rows, otlp_json
from obs_core.ingest.rows import Refused
from obs_core.model import Row
from obs_core.store import log, sqlite

_BATCH: Final = 5_000
_HASHED: Final = 1 << 20

Tell = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file: rows read, stored, there already, and the parts that were refused."""

    file: Path
    read: int
    stored: int
    already: int
    refused: tuple[Refused, ...]


def checked(file: Path) -> Path:
    """`file`, if it is one that can be read.

    Raises:
        FileRefused: it is missing, a directory, empty, or may not be read.
    """
    if file.is_dir():
        raise FileRefused(f"{file} is a directory.", "Name the files inside it.")
    try:
        with file.open("rb") as stream:
            if not stream.read(1):
                raise FileRefused(f"{file} is empty.", "Check how it was written.")
    except FileNotFoundError as error:
        raise FileRefused(f"There is no file {file}.", "Check its name and the current directory.") from error
    except OSError as error:
        raise FileRefused(f"{file} can't be read: {error.strerror}.", "Check its permissions.") from error
    return file


def import_file(
    connection: sqlite.Connection, file: Path, *, now: int, again: bool = False, tell: Tell = lambda _: None
) -> Imported:
    """Store the rows of `file` in one transaction: all of them, or none.

    Calls are recognised by (trace_id, span_id). Rows without such a key are recognised by the content of their file:
    the same content is stored once, unless `again`. `tell` hears now and then which share of the file has been read.

    Raises:
        FileRefused: the file is no trace file; the message names it, and the line where there is one.
    """
    digest = _digest(checked(file))
    refused: list[Refused] = []
    read = stored = keyless = 0
    with sqlite.transaction(connection):
        known = not again and log.was_imported(connection, digest)
        for batch in _batches(_rows(file, tell)):
            rows = [row for row in batch if isinstance(row, Row)]
            refused += [part for part in batch if isinstance(part, Refused)]
            loose = sum(row.span_id is None for row in rows)
            read += len(rows)
            keyless += loose
            stored += log.append(connection, [row for row in rows if row.span_id] if known and loose else rows)
        if keyless and not known:
            log.mark_imported(connection, digest, str(file), keyless, now)
    return Imported(file, read, stored, read - stored, tuple(refused))


def _rows(file: Path, tell: Tell) -> Iterator[Row | Refused]:
    """The rows of `file`, whatever it holds."""
    size = file.stat().st_size
    with file.open("rb") as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="") as stream:
        start = stream.read(64).lstrip()[:1]
        stream.seek(0)
        found = _json(stream, file) if start in ("{", "[") else csv_rows.rows(stream, str(file))
        for number, row in enumerate(found):
            if not number % _BATCH:
                tell(raw.tell() / size)
            yield row


def _json(stream: TextIO, file: Path) -> Iterator[Row | Refused]:
    """The rows of one JSON document, or of one per line."""
    first = stream.readline()
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        yield from _document(first + stream.read(), file, 1, whole=True)
        return
    yield from _document(first, file, 1)
    for line, text in enumerate(stream, 2):
        if text.strip():
            yield from _document(text, file, line)


def _document(text: str, file: Path, line: int, *, whole: bool = False) -> Iterator[Row | Refused]:
    try:
        document = json.loads(text)
    except ValueError as error:
        at = line + error.lineno - 1 if whole and isinstance(error, json.JSONDecodeError) else line
        raise FileRefused(
            f"{file}: line {at} is not complete JSON: {error}.", "The file may be cut off; write or copy it again."
        ) from error
    except RecursionError as error:
        raise FileRefused(f"{file}: line {line} is nested too deeply.", "This is no trace file.") from error
    if not otlp_json.is_otlp(document):
        raise FileRefused(
            f"{file}: line {line} holds neither resourceSpans nor resourceLogs.", "Export it as OTLP JSON."
        )
    yield from otlp_json.rows(document, line)


def _batches(rows: Iterator[Row | Refused]) -> Iterable[list[Row | Refused]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _digest(file: Path) -> str:
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_HASHED):
            found.update(chunk)
    return found.hexdigest()
