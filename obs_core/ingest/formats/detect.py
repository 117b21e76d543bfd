"""Detects the format of a stream by its content, and reads its rows."""

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterator
from itertools import chain
from typing import IO, Any, Final, TextIO

from obs_core.errors import FileRefused, NotTraces
from obs_core.ingest.formats import csv_rows, import_format
from obs_core.ingest.formats.import_format import Parts
from obs_core.ingest.formats.json_documents import documents
from obs_core.ingest.formats.registry import BINARY_FORMATS, JSON_FORMATS, TABLE_FORMATS, listed
from obs_core.ingest.formats.rows import Refused
from obs_core.ingest.formats.utf8 import Utf8

_HEAD: Final = 4_096
_LONGEST_HEADER: Final = 1 << 20
_UNPACK: Final = "Unpack it, and import the file or the directory."
_OTHERS: Final = (
    (b"SQLite format 3\0", 0, "an SQLite database", "A trace log needs no import: open it with OBS_LOG=<that file>."),
    (b"ustar", 257, "a tar archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", 0, "packed with zstd", _UNPACK),
    (b"\xfd7zXZ\0", 0, "packed with xz", _UNPACK),
    (b"BZh", 0, "packed with bzip2", _UNPACK),
    (b"PK\x03\x04", 0, "a zip archive in an archive", _UNPACK),
    (b"\x1f\x8b", 0, "packed with gzip more than twice", _UNPACK),
)
_SEPARATOR: Final = re.compile(r"sep=([^\s\w\"])\r?\n?", re.IGNORECASE)
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


def rows(stream: IO[bytes], title: str, values: Collection[str] = ()) -> Parts:
    """The rows of a stream at its start; `title` is its name in errors. Parts that can't be stored are `Refused`.

    Attributes of spans named in `values` become values of their calls.

    Raises:
        NotTraces: no format fits.
        FileRefused: a format fits, but the file is broken; the message names the line.
    """
    try:
        yield from _rows(stream, title, values)
    except RecursionError as error:
        raise FileRefused(f"{title} is nested too deeply.", "This is not a trace file.") from error


def _rows(stream: IO[bytes], title: str, values: Collection[str]) -> Parts:
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    head = buffered.peek(_HEAD)[:_HEAD]
    for start, offset, what, hint in _OTHERS:
        if head.startswith(start, offset):
            raise NotTraces(f"{title} is {what}.", hint)
    for binary in BINARY_FORMATS:
        if binary.fits(head):
            yield from binary.read(buffered, title, values)
            return
    encoding, utf8 = "utf-16", None
    if not head.startswith(_UTF16):
        encoding, utf8 = "utf-8-sig", Utf8(buffered, title, is_table=not _begins_as_json(head))
    text = io.TextIOWrapper(io.BufferedReader(utf8) if utf8 else buffered, encoding=encoding, newline="")
    try:
        yield from _text(text, title, values)
    except UnicodeDecodeError as error:
        raise FileRefused(f"{title} is not UTF-16: {error.reason}.", "Save the file as UTF-8.") from error
    finally:
        text.detach()
    if utf8 and utf8.page:
        yield Refused(0, f"the file is not UTF-8; it was read as {utf8.page}", parts=0)


def _begins_as_json(head: bytes) -> bool:
    return head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[")


def _text(text: TextIO, title: str, values: Collection[str]) -> Parts:
    first = text.readline(import_format.LARGEST)
    blank = 0
    while first and not first.strip():
        blank += 1
        first = text.readline(import_format.LARGEST)
    if first.lstrip()[:1] in ("{", "["):
        yield from _json(text, first, blank + 1, title, values)
        return
    if separator := _SEPARATOR.fullmatch(first):  # Excel's own first line
        first = text.readline(import_format.LARGEST)
    try:
        delimiter = separator[1] if separator else max(",;\t", key=first.count)  # the comma, if several are as frequent
        header = next(csv.reader([first[:_LONGEST_HEADER]], delimiter=delimiter), [])
    except csv.Error:
        header = []
    # Without a fitting header, the reader of rows says which columns are missing.
    table = next((known for known in TABLE_FORMATS if known.fits(header)), csv_rows.FORMAT)
    yield from table.read(chain([first], _lines(text)), title, delimiter)


def _lines(text: TextIO) -> Iterator[str]:
    """The lines of a table; a longer one than the limit is cut, which the table's reader refuses as too long."""
    while line := text.readline(import_format.LARGEST):
        yield line


def _json(text: TextIO, first: str, line: int, title: str, values: Collection[str]) -> Parts:
    """The rows of all documents of a file."""
    is_first = True
    for document, at in documents(text, first, line, title):
        yield from _document(document, title, at, values, first=is_first)
        is_first = False


def _document(document: Any, title: str, line: int, values: Collection[str], *, first: bool = False) -> Parts:  # noqa: ANN401
    for known in JSON_FORMATS:
        if known.fits(document):
            yield from known.read(document, line, values)
            return
    if isinstance(document, list) and all(isinstance(part, dict) for part in document):
        for part in document:
            yield from _document(part, title, line, values, first=first)
        return
    refusal = NotTraces if first else FileRefused
    raise refusal(
        f"{title}: line {line} holds no traces of {listed(JSON_FORMATS)}.",
        "Export it in one of these formats.",
    )
