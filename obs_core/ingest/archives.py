"""Opens a file as streams: the file itself, its content if it is a .gz, or the members of a .zip, by content.

Archives that unpack to far more than traces would are refused, and nothing of an archive is written to a disk.
"""

import io
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Final, NamedTuple, cast

from obs_core.errors import FileRefused, NotTraces
from obs_core.ingest import inflate

STANDARD_INPUT: Final = Path("-")
MOST_MEMBERS: Final = 10_000
LEAST_LIMIT: Final = 256 << 20  # bytes that any archive may unpack to
MOST_TIMES: Final = 200  # traces pack 10 to 60 times, a bomb of one deflate layer 1,030 times

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_LAYERS: Final = 2  # a .gz in a .zip, or in a .gz
_BUFFER: Final = 1 << 17
_DIRECTORY: Final = 64 << 20  # bytes at the end of a .zip in which its files are counted before they are listed
_ENTRY: Final = b"PK\x01\x02"
_ENTRIES: Final = 3  # for each file: macOS adds one with metadata, and folders have their own
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN: Final = (zlib.error, EOFError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError)


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
            budget = _Budget(title, max(LEAST_LIMIT, MOST_TIMES * size))
            yield Opened(_members(raw, title, budget), lambda: raw.seek(0, io.SEEK_CUR) / size)
    except zipfile.BadZipFile as error:
        raise _damaged(title, error) from error


@contextmanager
def _raw(file: Path) -> Iterator[BinaryIO]:
    if file != STANDARD_INPUT:
        with file.open("rb") as raw:
            yield raw
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy, _BUFFER)
        yield cast("BinaryIO", copy)


def _members(raw: BinaryIO, title: str, budget: "_Budget") -> Iterator[Member]:
    start = raw.read(4)
    if start not in (_ZIP, _EMPTY_ZIP):
        yield Member(title, "", lambda: _unpacked(cast("BinaryIO", _Own(raw)), title, budget))
        return
    _check_directory(raw, title)
    with zipfile.ZipFile(raw) as archive:
        members = [info for info in archive.infolist() if not (info.is_dir() or _is_hidden(info.filename))]
        if len(members) > MOST_MEMBERS:
            raise FileRefused(f"{title} has {len(members):,} files; the limit is {MOST_MEMBERS:,}.", "Unpack it first.")
        for info in sorted(members, key=lambda info: info.filename):
            yield _packed(archive, info, title, budget)


def _check_directory(raw: BinaryIO, title: str) -> None:
    """Refuse an archive of millions of files before zipfile makes an object of 500 bytes for each of them."""
    size = raw.seek(0, io.SEEK_END)
    raw.seek(max(size - _DIRECTORY, 0))
    entries = 0
    while chunk := raw.read(_BUFFER):
        entries += chunk.count(_ENTRY)
    if entries > _ENTRIES * MOST_MEMBERS:
        raise FileRefused(f"{title} has more than {MOST_MEMBERS:,} files, which is the limit.", "Unpack it first.")


def _packed(archive: zipfile.ZipFile, info: zipfile.ZipInfo, title: str, budget: "_Budget") -> Member:
    name = f"{title} ({info.filename})"

    def stream() -> IO[bytes]:
        if info.compress_type not in _METHODS:  # zipfile unpacks these in pieces of any size
            raise FileRefused(f"{name} is packed with another method than deflate.", "Unpack it first.")
        try:
            inner = archive.open(info)
        except _BROKEN as error:
            raise _damaged(name, error) from error
        return _unpacked(cast("BinaryIO", inner), name, budget, packed=True)

    return Member(name, info.filename, stream)


def _unpacked(raw: BinaryIO, title: str, budget: "_Budget", *, packed: bool = False) -> IO[bytes]:
    """`raw` without its layers of gzip; what each layer unpacks to counts against the budget."""
    stream = io.BufferedReader(_Counted(raw, title, budget) if packed else cast("io.RawIOBase", raw), _BUFFER)
    for _ in range(_LAYERS):
        if stream.peek(2)[:2] != _GZIP:
            break
        stream = io.BufferedReader(_Counted(cast("IO[bytes]", _Inflated(stream, title)), title, budget), _BUFFER)
    return stream


def _damaged(title: str, error: Exception) -> FileRefused:
    return FileRefused(f"{title} is damaged: {error}.", "It may be cut off or encrypted; write or copy it again.")


def _is_hidden(name: str) -> bool:
    """Whether a member is a hidden file, or metadata that macOS adds for each file."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")


class _Budget:
    """The number of bytes that all members of one archive may unpack to."""

    def __init__(self, title: str, limit: int) -> None:
        self.title = title
        self.limit = limit
        self.spent = 0

    def spend(self, count: int) -> None:
        """Count unpacked bytes.

        Raises:
            FileRefused: they exceed the limit.
        """
        self.spent += count
        if self.spent > self.limit:
            raise FileRefused(
                f"{self.title} unpacks to more than {self.limit >> 20:,} MB, {MOST_TIMES} times its size.",
                "Traces do not compress this well. If you trust the file, unpack it first.",
            )


class _Counted(io.RawIOBase):
    """A packed stream that counts its unpacked bytes and translates errors to `FileRefused`."""

    def __init__(self, stream: IO[bytes], title: str, budget: _Budget) -> None:
        super().__init__()
        self._stream = stream
        self._title = title
        self._budget = budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            chunk = self._stream.read(len(buffer))
        except _BROKEN as error:
            raise _damaged(self._title, error) from error
        buffer[: len(chunk)] = chunk
        self._budget.spend(len(chunk))
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


class _Inflated(io.RawIOBase):
    """A stream of gzip, unpacked."""

    def __init__(self, packed: IO[bytes], title: str) -> None:
        super().__init__()
        self._packed = packed
        self._title = title
        self._pieces = inflate.pieces(iter(lambda: packed.read(inflate.PIECE), b""), inflate.GZIP)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            while not self._rest:
                self._rest = memoryview(next(self._pieces))
        except StopIteration:
            return 0
        except inflate.TooManyMembers as error:
            raise FileRefused(f"{self._title} {error}.", "Traces are not packed like this. Unpack it first.") from error
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            self._packed.close()
        super().close()


class _Own(io.RawIOBase):
    """A file read from its start with its own position, so that two readers can share it."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__()
        self._raw = raw
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + (self._position if whence == io.SEEK_CUR else 0)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._raw.seek(self._position)
        chunk = self._raw.read(len(buffer))
        buffer[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)
