"""Where rows wait when no spool can be allocated: in memory, bounded, and the status says that kill-safety is off."""

import contextlib
import mmap
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from obs_core import process_identity
from obs_core.capture.options import MEBIBYTE, Options
from obs_core.capture.spool import header
from obs_core.capture.spool.frames import Event, parse
from obs_core.capture.spool.header import HEADER_SIZE, Header
from obs_core.capture.spool.spool import SUFFIX, Spool

_BYTES_PER_ROW: Final = 256  # what a row takes, frame and list entry, to bound the memory like the spool


class MemoryBuffer:
    """Rows of this process in memory; the same face as `Spool`."""

    def __init__(self, size: int, path: str, keys: Sequence[bytes]) -> None:
        """Hold at most as many rows as `size` bytes of spool would; the status is at `path`, if that can be made."""
        self.name = os.path.basename(path).removesuffix(SUFFIX)  # noqa: PTH119 - pathlib is not for the hot room
        self.path = path
        self._keys = keys
        self.header = Header(_status_file(path))
        self._rows: deque[bytes] = deque()
        self._read: list[Event] = []
        self._most = self.header.in_memory_most = max(size // _BYTES_PER_ROW, 1000)
        self._taken = 0

    def write(self, frame: bytes) -> bool:
        """Keep `frame`; False if there are too many and it was dropped and counted."""
        if len(self._rows) >= self._most:
            self.header.dropped += 1
            return False
        self._rows.append(frame)
        return True

    def site(self, number: int) -> bytes | None:
        """The marshalled site of this number."""
        return self._keys[number - 1] if 0 < number <= len(self._keys) else None

    def tell_site(self, number: int, key: bytes) -> None:
        """The sites of this process are known to it."""

    def current_write(self) -> Callable[[bytes], object]:
        """What takes the next frame."""
        return self.write

    def read(self, position: int, limit: int) -> tuple[list[Event], int]:
        """The oldest rows; they stay here until they are released."""
        while len(self._read) < limit and self._rows:
            self._read += parse(self._rows.popleft(), 0, 1)[0]
        return self._read[:limit], position + min(len(self._read), limit)

    def release(self, position: int) -> None:
        """Forget the rows before `position`."""
        del self._read[: position - self._taken]
        self._taken = position

    def end(self) -> int:
        """The position behind the last row."""
        return self._taken + len(self._read) + len(self._rows)

    def tidy(self, now_ns: int) -> None:
        """Bring the status up to date."""
        self.header.in_memory = len(self._read) + len(self._rows)
        self.header.beat_ns = now_ns

    def seal(self) -> None:
        """Take no more rows."""

    def remove(self) -> None:
        """Delete the status."""
        with contextlib.suppress(OSError):
            os.unlink(self.path)  # noqa: PTH108 - as above

    def abandon(self) -> None:
        """Forget the rows of the parent, in a forked child."""
        self._rows.clear()
        self._read.clear()


def spool_or_memory(options: Options, folder: str, now_ns: int, keys: Sequence[bytes]) -> Spool | MemoryBuffer:
    """A spool in `folder`, or rows in memory if it can't be made."""
    size = int(options.spool_mb * MEBIBYTE)
    name = f"{os.getpid()}-{now_ns:x}"
    writer = header.Writer(
        options.process,
        options.group or options.process,
        socket.gethostname(),
        options.version,
        options.revision,
        process_identity.own_space(),
        os.path.abspath(options.log),  # noqa: PTH100 - text in, text out
    )
    path = os.path.join(folder, name + SUFFIX)  # noqa: PTH118 - as above
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - as above
        return Spool(path, size, writer, now_ns, keys)
    except OSError as error:
        memory = MemoryBuffer(size, path, keys)
        facts = memory.header
        facts.version, facts.pid, facts.birth = header.VERSION, os.getpid(), process_identity.birth_of(os.getpid()) or 0
        facts.started_ns, facts.lease_pid, facts.lease_birth = now_ns, facts.pid, facts.birth
        facts.beat_ns, facts.writer = now_ns, writer
        facts.last_error = f"no spool, rows wait in memory and a killed process loses them: {error}"
        facts.finish()
        return memory


def _status_file(path: str) -> mmap.mmap:
    """The memory of a header: of a small file that others can read, where even that can't be made of this process."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError:
        return mmap.mmap(-1, HEADER_SIZE)
    try:
        header.allocate(descriptor, HEADER_SIZE)
        return mmap.mmap(descriptor, HEADER_SIZE)
    except OSError:
        os.unlink(path)  # noqa: PTH108 - as above
        return mmap.mmap(-1, HEADER_SIZE)
    finally:
        os.close(descriptor)
