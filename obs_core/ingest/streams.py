"""The streams that files and members of archives are read through: unpacked, counted, with errors in sentences."""

import io
import zipfile
import zlib
from typing import IO, BinaryIO, Final

from obs_core.errors import FileRefused
from obs_core.ingest import inflate

BUFFER: Final = 1 << 17
MOST_TIMES: Final = 200  # traces pack 10 to 60 times, a bomb of one deflate layer 1,030 times
BROKEN: Final = (zlib.error, EOFError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError)


def damaged(title: str, error: Exception) -> FileRefused:
    """The error of a file that can't be unpacked."""
    return FileRefused(f"{title} is damaged: {error}.", "It may be cut off or encrypted; write or copy it again.")


class Budget:
    """The number of bytes that all members of one archive may unpack to."""

    def __init__(self, title: str, limit: int) -> None:
        """`title` is the archive's in errors."""
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


class Counted(io.RawIOBase):
    """A packed stream that counts its unpacked bytes and translates errors to `FileRefused`."""

    def __init__(self, stream: IO[bytes], title: str, budget: Budget) -> None:
        """`title` is the member's in errors."""
        super().__init__()
        self._stream = stream
        self._title = title
        self._budget = budget

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer`, or a part of it; 0 at the end."""
        try:
            chunk = self._stream.read(len(buffer))
        except BROKEN as error:
            raise damaged(self._title, error) from error
        buffer[: len(chunk)] = chunk
        self._budget.spend(len(chunk))
        return len(chunk)

    def close(self) -> None:
        """Close the stream below too."""
        if not self.closed:
            self._stream.close()
        super().close()


class Inflated(io.RawIOBase):
    """A stream of gzip, unpacked."""

    def __init__(self, packed: IO[bytes], title: str) -> None:
        """`title` is the file's in errors."""
        super().__init__()
        self._packed = packed
        self._title = title
        self._pieces = inflate.pieces(iter(lambda: packed.read(inflate.PIECE), b""), inflate.GZIP)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer`, or a part of it; 0 at the end."""
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
        """Close the stream below too."""
        if not self.closed:
            self._packed.close()
        super().close()


class OwnPosition(io.RawIOBase):
    """A file read from its start with its own position, so that two readers can share it."""

    def __init__(self, raw: BinaryIO, title: str) -> None:
        """`title` is the file's in errors."""
        super().__init__()
        self._raw = raw
        self._title = title
        self._position = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset from the start, or from the position."""
        self._position = offset + (self._position if whence == io.SEEK_CUR else 0)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer`, or a part of it; 0 at the end."""
        try:
            self._raw.seek(self._position)
            chunk = self._raw.read(len(buffer))
        except OSError as error:
            raise FileRefused(f"{self._title} can't be read: {error.strerror}.", "Check its disk.") from error
        buffer[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)
