"""The fallback if no spool can be allocated: a bounded buffer in memory. Its status says that a kill loses rows."""

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
from obs_core.capture.spool.frames import Frame, parse
from obs_core.capture.spool.header import HEADER_SIZE, Header
from obs_core.capture.spool.spool import SUFFIX, Spool

_BYTES_PER_ROW: Final = 256  # memory of a row (frame and list entry), to bound the buffer like the spool


class MemoryBuffer:
    """The frames of this process in memory, with the interface of `Spool`."""

    def __init__(self, size: int, path: str, keys: Sequence[bytes]) -> None:
        """Hold at most as many frames as `size` bytes of spool; the status is in the file `path`, if it can be made."""
        self.name = os.path.basename(path).removesuffix(SUFFIX)  # noqa: PTH119 - pathlib costs 2 ms
        self.path = path
        self._keys = keys
        self.header = Header(_status_file(path))
        self._rows: deque[bytes] = deque()
        self._read: list[Frame] = []
        self._capacity = self.header.in_memory_capacity = max(size // _BYTES_PER_ROW, 1000)
        self._released = 0

    def write(self, frame: bytes) -> bool:
        """Append `frame`; False if the buffer is full and the frame was dropped and counted."""
        if len(self._rows) >= self._capacity:
            self.header.dropped += 1
            return False
        self._rows.append(frame)
        return True

    def site_key(self, site_id: int) -> bytes | None:
        """The marshalled site with this id."""
        return self._keys[site_id - 1] if 0 < site_id <= len(self._keys) else None

    def register_site(self, site_id: int, site_key: bytes) -> None:
        """Do nothing: the buffer reads the sites of its own process."""

    def current_write(self) -> Callable[[bytes], object]:
        """The function that accepts the next frame."""
        return self.write

    def read(self, position: int, limit: int) -> tuple[list[Frame], int]:
        """The oldest frames and the position after them; they stay in the buffer until `release`."""
        while len(self._read) < limit and self._rows:
            self._read += parse(self._rows.popleft(), 0, 1)[0]
        return self._read[:limit], position + min(len(self._read), limit)

    def release(self, position: int) -> None:
        """Delete the frames before `position`."""
        del self._read[: position - self._released]
        self._released = position

    def end(self) -> int:
        """The position after the last frame."""
        return self._released + len(self._read) + len(self._rows)

    def tidy(self, now_ns: int) -> None:
        """Update the status."""
        self.header.in_memory = len(self._read) + len(self._rows)
        self.header.heartbeat_ns = now_ns

    def seal(self) -> None:
        """Do nothing: the writer stops by itself."""

    def remove(self) -> None:
        """Delete the status file."""
        with contextlib.suppress(OSError):
            os.unlink(self.path)  # noqa: PTH108 - as above

    def detach_after_fork(self) -> None:
        """Drop the parent's frames in a forked child."""
        self._rows.clear()
        self._read.clear()


def spool_or_memory(options: Options, folder: str, now_ns: int, keys: Sequence[bytes]) -> Spool | MemoryBuffer:
    """A spool in `folder`, or a buffer in memory if it can't be made."""
    size = int(options.spool_mb * MEBIBYTE)
    name = f"{os.getpid()}-{now_ns:x}"
    writer = header.WriterIdentity(
        options.process,
        options.group or options.process,
        socket.gethostname(),
        options.version,
        options.revision,
        process_identity.pid_namespace(),
        os.path.abspath(options.log),  # noqa: PTH100 - text in, text out
    )
    path = os.path.join(folder, name + SUFFIX)  # noqa: PTH118 - as above
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - as above
        return Spool(path, size, writer, now_ns, keys)
    except OSError as error:
        memory = MemoryBuffer(size, path, keys)
        memory.header.describe_writer(writer, now_ns)
        memory.header.last_error = f"no spool, rows wait in memory and a killed process loses them: {error}"
        memory.header.mark_complete()
        return memory


def _status_file(path: str) -> mmap.mmap:
    """The memory of a header: a small file that others can read, or private memory if the file can't be made."""
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
