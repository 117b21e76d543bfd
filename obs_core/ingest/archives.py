"""Opens a file as streams: the file itself, its content if it is a .gz, or the members of a .zip, by content.

Archives that unpack to far more than traces would are refused, and nothing of an archive is written to a disk.
"""

import io
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Final, NamedTuple, cast

from obs_core.errors import FileRefused, NotTraces
from obs_core.ingest.streams import BROKEN, BUFFER, MOST_TIMES, Budget, Counted, Inflated, OwnPosition, damaged

STANDARD_INPUT: Final = Path("-")
MOST_MEMBERS: Final = 10_000
LEAST_LIMIT: Final = 256 << 20  # bytes that any archive may unpack to

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_LAYERS: Final = 2  # a .gz in a .zip, or in a .gz
_DIRECTORY: Final = 64 << 20  # bytes at the end of a .zip in which its files are counted before they are listed
_ENTRY: Final = b"PK\x01\x02"
_ENTRIES: Final = 3  # for each file: macOS adds one with metadata, and folders have their own
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Member(NamedTuple):
    """One stream: its title in errors, its name in an archive (empty for the file itself), and how to open it."""

    title: str
    name: str
    open: Callable[[], IO[bytes]]


class Opened(NamedTuple):
    """An open file: its members, and the share of its bytes that has been read."""

    members: Iterator[Member]
    share: Callable[[], float]


@contextmanager
def opened(file: Path) -> Iterator[Opened]:
    """The streams of `file`; `-` is standard input, which is copied to a temporary file first.

    Raises:
        FileRefused: the file can't be read, is damaged, or unpacks to too much; reading a member can raise it too.
    """
    title = "standard input" if file == STANDARD_INPUT else str(file)
    try:
        with _raw(file) as raw:
            size = raw.seek(0, io.SEEK_END)
            raw.seek(0)
            if not size:
                raise NotTraces(f"{title} is empty.", "Check how it was written.")
            budget = Budget(title, max(LEAST_LIMIT, MOST_TIMES * size))
            yield Opened(_members(raw, title, budget), lambda: raw.seek(0, io.SEEK_CUR) / size)
    except zipfile.BadZipFile as error:
        raise damaged(title, error) from error


@contextmanager
def _raw(file: Path) -> Iterator[BinaryIO]:
    if file != STANDARD_INPUT:
        with file.open("rb") as raw:
            yield raw
        return
    with tempfile.TemporaryFile() as copy:
        try:
            shutil.copyfileobj(sys.stdin.buffer, copy, BUFFER)
            copy.flush()
        except OSError as error:
            message = f"Standard input can't be copied to a file in {tempfile.gettempdir()}: {error.strerror}."
            raise FileRefused(message, "Free some space, or set TMPDIR to another directory.") from error
        yield cast("BinaryIO", copy)


def _members(raw: BinaryIO, title: str, budget: "Budget") -> Iterator[Member]:
    start = raw.read(4)
    if start not in (_ZIP, _EMPTY_ZIP):
        yield Member(title, "", lambda: _unpacked(cast("BinaryIO", OwnPosition(raw, title)), title, budget))
        return
    _check_directory(raw, title)
    with zipfile.ZipFile(raw) as archive:
        members = [
            info for info in archive.infolist() if not (info.filename.endswith("/") or _is_hidden(info.filename))
        ]
        if len(members) > MOST_MEMBERS:
            raise FileRefused(f"{title} has {len(members):,} files; the limit is {MOST_MEMBERS:,}.", "Unpack it first.")
        for info in sorted(members, key=lambda info: info.filename):
            yield _packed(archive, info, title, budget)


def _check_directory(raw: BinaryIO, title: str) -> None:
    """Refuse an archive of millions of files before zipfile makes an object of 500 bytes for each of them."""
    size = raw.seek(0, io.SEEK_END)
    raw.seek(max(size - _DIRECTORY, 0))
    entries = 0
    while chunk := raw.read(BUFFER):
        entries += chunk.count(_ENTRY)
    if entries > _ENTRIES * MOST_MEMBERS:
        raise FileRefused(f"{title} has more than {MOST_MEMBERS:,} files, which is the limit.", "Unpack it first.")


def _packed(archive: zipfile.ZipFile, info: zipfile.ZipInfo, title: str, budget: "Budget") -> Member:
    name = f"{title} ({info.filename})"

    def stream() -> IO[bytes]:
        if info.compress_type not in _METHODS:  # zipfile unpacks these in pieces of any size
            raise FileRefused(f"{name} is packed with another method than deflate.", "Unpack it first.")
        try:
            inner = archive.open(info)
        except BROKEN as error:
            raise damaged(name, error) from error
        return _unpacked(cast("BinaryIO", inner), name, budget, packed=True)

    return Member(name, info.filename, stream)


def _unpacked(raw: BinaryIO, title: str, budget: "Budget", *, packed: bool = False) -> IO[bytes]:
    """`raw` without its layers of gzip; what each layer unpacks to counts against the budget."""
    stream = io.BufferedReader(Counted(raw, title, budget) if packed else cast("io.RawIOBase", raw), BUFFER)
    for _ in range(_LAYERS):
        if stream.peek(2)[:2] != _GZIP:
            break
        stream = io.BufferedReader(Counted(cast("IO[bytes]", Inflated(stream, title)), title, budget), BUFFER)
    return stream


def _is_hidden(name: str) -> bool:
    """Whether a member is a hidden file, or metadata that macOS adds for each file."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")
