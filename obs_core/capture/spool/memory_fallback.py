"""The fallback if no spool can be allocated: a bounded buffer in memory. Its status says that a kill loses rows."""

import contextlib
import itertools
import mmap
from collections import deque
from collections.abc import Callable, Sequence
from socket import gethostname
from typing import Final

from obs_core import process_identity, safe_files
from obs_core.capture.options import MEBIBYTE, Options
from obs_core.capture.spool import header
from obs_core.capture.spool.frames import Frame, parse
from obs_core.capture.spool.header import HEADER_SIZE, Header
from obs_core.capture.spool.spool import Spool
from obs_core.capture.spool.spool_file import SUFFIX, SpoolFile
from obs_core.paths import folder_of
from obs_core.system import os, time_ns

_BYTES_PER_ROW: Final = 256  # memory of a row (frame and list entry), to bound the buffer like the spool


class MemoryBuffer:
    """The frames of this process in memory, with the interface of `Spool`."""

    def __init__(self, size: int, path: str, keys: Sequence[bytes]) -> None:
        """Hold at most as many frames as `size` bytes of spool; the status is in the file `path`, if it can be made."""
        self.name = os.path.basename(path).removesuffix(SUFFIX)
        self.path = path
        self._keys = keys
        self._file = _status_file(path)
        self.header = Header(mmap.mmap(self._file.descriptor if self._file else -1, HEADER_SIZE))
        self._rows: deque[bytes] = deque()
        self._read: list[Frame] = []
        self.sealed = False
        self._drops = itertools.count()
        self._drop_reads = 0
        self._capacity = self.header.in_memory_capacity = max(size // _BYTES_PER_ROW, 1000)
        self._released = 0

    def write(self, frame: bytes) -> bool:
        """Append `frame`; False if the buffer is full and the frame was dropped and counted, or if it is sealed."""
        is_full = len(self._rows) >= self._capacity
        if self.sealed:  # no other thread comes between this and the append: the interpreter changes threads at calls
            return False
        if not is_full:
            self._rows.append(frame)
            return True
        self.count_drop()
        return False

    def count_drop(self) -> None:
        """Count a row that is lost; next() is one C call, which threads and signal handlers can't interrupt."""
        self.header.dropped = next(self._drops) + 1 - self._drop_reads

    def count_drops(self) -> int:
        """The number of dropped frames, also stored in the header. Only one thread may call this."""
        dropped = next(self._drops) - self._drop_reads
        self._drop_reads += 1
        self.header.dropped = dropped
        return dropped

    def _write_or_raise(self, frame: bytes) -> None:
        """Like `write`, for the fast path; ValueError sends the frame to the next writer, as a full segment does."""
        if not self.write(frame) and self.sealed:
            raise ValueError

    def site_key(self, site_id: int) -> bytes | None:
        """The marshalled site with this id."""
        return self._keys[site_id - 1] if 0 < site_id <= len(self._keys) else None

    def register_site(self, site_id: int, site_key: bytes) -> None:
        """Do nothing: the buffer reads the sites of its own process."""

    def current_write(self) -> Callable[[bytes], object]:
        """The function that accepts the next frame."""
        return self._write_or_raise

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
        self.count_drops()
        self.header.heartbeat_ns = now_ns

    def seal(self) -> None:
        """Accept no more frames: a late write fails and goes to the next writer."""
        self.sealed = True

    def continue_counts(self, old: Header) -> None:
        """Continue the counters of a spool that this one replaces."""
        self._drops = itertools.count(old.dropped)
        self.header.written, self.header.recovered = old.written, old.recovered

    def publish(self) -> None:
        """Make the status visible to others; without a file it is not."""
        self.header.is_locked = bool(self._file and self._file.is_locked)
        self.header.mark_complete()
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.publish()

    def oldest(self) -> int:
        """The position of the oldest frame that can still be read."""
        return self._released

    def is_lost(self) -> bool:
        """Never: the frames are in memory."""
        return False

    def leave(self) -> None:
        """Release the status."""
        self.header.lease_pid = 0
        if self._file is not None:
            self._file.unlock()

    def remove(self) -> None:
        """Delete the status file."""
        if self._file is not None:
            self._file.remove()

    def detach_after_fork(self) -> None:
        """Drop the parent's frames in a forked child."""
        self._rows.clear()
        self._read.clear()
        if self._file is not None:
            self._file.detach()


def new_spool(options: Options, keys: Sequence[bytes]) -> Spool | MemoryBuffer:
    """A spool in the folder of the log, or a buffer in memory if it can't be made; `keys` are the marshalled sites."""
    folder, now_ns = folder_of(options.log), time_ns()
    size = int(options.spool_mb * MEBIBYTE)
    name = f"{os.getpid()}-{now_ns:x}"
    writer = header.WriterIdentity(
        options.process,
        options.group or options.process,
        gethostname(),
        options.version,
        options.revision,
        process_identity.pid_namespace(),
        os.path.abspath(options.log),
    )
    path = os.path.join(folder, name + SUFFIX)
    try:
        safe_files.make_folder(folder)
        return Spool(path, size, writer, now_ns, keys)
    except (OSError, ValueError) as error:  # ValueError: SQLite and mmap refuse some names and sizes with it
        memory = MemoryBuffer(size, path, keys)
        memory.header.describe_writer(writer, now_ns)
        memory.header.last_error = f"no spool, rows wait in memory and a killed process loses them: {error}"
        memory.publish()
        return memory


def _status_file(path: str) -> SpoolFile | None:
    """A small file for a header that others can read; None if it can't be made."""
    try:
        return SpoolFile(path, HEADER_SIZE)
    except OSError:
        return None
