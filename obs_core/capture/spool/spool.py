"""The spool: a ring of memory-mapped segments in a file next to the log, which holds frames until they are rows.

A frame is in the spool before the traced call returns. The kernel keeps the stores into a mapped file when the process
dies, so kill -9, os._exit and a crash in C code lose nothing. The file is fully allocated when it is made: on a full
disk, a store into a hole of a mapped file is SIGBUS and kills the program.

Writing takes no lock. `mmap.write` copies a frame and moves the segment's position in one C call under the interpreter
lock, so threads and signal handlers can't interrupt it; it raises ValueError when the segment is full. Then the next
free segment becomes the current one. The drain reads segments in the order in which they were used, clears them and
frees them. A segment is sealed by moving its position to its end, so no late write can land behind the drain.

A signal handler may raise an exception between any two instructions of a thread that changes segments. The drain then
seals what that thread did not seal, and skips the number that it lost (see `numbering`).
"""

import itertools
import mmap
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from obs_core.capture.spool import header
from obs_core.capture.spool.frames import SITES_SIZE, Frame, parse_between, site_frame
from obs_core.capture.spool.header import HEADER_SIZE, Header, WriterIdentity
from obs_core.capture.spool.numbering import Numbering, number_to_read
from obs_core.capture.spool.segment import Segment, popped
from obs_core.capture.spool.spool_file import SUFFIX, SpoolFile
from obs_core.system import os

SMALLEST_SEGMENT: Final = 256 * 1024
LARGEST_SEGMENT: Final = 4 * 1024 * 1024
FIRST_SEGMENT: Final = HEADER_SIZE + SITES_SIZE + 64 * 1024
"""Offset of the first segment. The 64 KiB after the sites allow for sites that two threads register twice."""
_ZEROS: Final = bytes(64 * 1024)  # cleared in pieces: each holds the interpreter for some microseconds only
_HELD_BACK: Final = 2 * 1024 * 1024
"""Bytes of frames kept after they were drained, to drain them again if the log is lost before its checkpoint.

SQLite's write-ahead log has 1000 pages of some 14 rows, as many as 1.1 MB of frames.
"""
_WARM: Final = 2  # segments ready in addition to the current one: the first touch of a page costs 0.3-2 us


def segments_of(size: int) -> tuple[int, int]:
    """How many segments `size` bytes are divided into, and the size of each; every mapped one holds a descriptor."""
    segment_size = min(max(size // 64 // 4096 * 4096, SMALLEST_SEGMENT), LARGEST_SEGMENT)
    return min(max(size // segment_size, 2), header.MOST_SEGMENTS), segment_size


class Spool:
    """The ring of one process, for its owner. `write` may be called from any thread and signal handler."""

    def __init__(self, path: str, size: int, writer: WriterIdentity, started_ns: int, keys: Sequence[bytes]) -> None:
        """Make the file `path` with `size` bytes of segments; `keys` are the process's marshalled sites by id, from 1.

        Raises:
            OSError: it can't be made or allocated.
        """
        count, segment_size = segments_of(size)
        self.path = path
        self._keys = keys
        self.name = os.path.basename(path).removesuffix(SUFFIX)
        self.segment_size = segment_size
        self.capacity = count * segment_size
        self._file = SpoolFile(path, FIRST_SEGMENT + self.capacity)
        try:
            self._map(self._file.descriptor, count)
            self.header.describe_writer(writer, started_ns, count, segment_size)
            self.header.is_locked = self._file.is_locked
            self.header.mark_complete()
            self._file.publish()
        except BaseException:
            self._file.remove()
            raise
        self._held_back = min(_HELD_BACK // segment_size, count // 8)
        self._numbering = Numbering(self._segments, self.header)
        self._drops = itertools.count()
        self._drop_reads = 0
        self.sealed = False
        self._cold = self._segments[::-1]  # not touched yet
        self._free: list[Segment] = []
        self._warm(1)
        self.current = self._free.pop()
        self._numbering.give(self.current)

    def _map(self, descriptor: int, count: int) -> None:
        size = self.segment_size
        self._header_memory = mmap.mmap(descriptor, HEADER_SIZE)
        self.header = Header(self._header_memory)
        self._sites = mmap.mmap(descriptor, FIRST_SEGMENT - HEADER_SIZE, offset=HEADER_SIZE)
        self._segments = [
            Segment(mmap.mmap(descriptor, size, offset=FIRST_SEGMENT + index * size), index) for index in range(count)
        ]

    def write(self, frame: bytes) -> bool:
        """Write `frame`; False if the ring is full and the frame was dropped and counted, or if the spool is sealed."""
        if len(frame) <= self.segment_size:
            for _ in range(16):
                full = self.current
                try:
                    full.memory.write(frame)
                except ValueError:
                    if self.current is full and not self._rotate():
                        break
                else:
                    return True
        if not self.sealed:
            self.count_drop()
        return False

    def count_drop(self) -> None:
        """Count a row that is lost; next() is one C call, which threads and signal handlers can't interrupt."""
        self.header.dropped = next(self._drops) + 1 - self._drop_reads

    def fits(self, sizes: Iterable[int], *, once_drained: bool = False) -> bool:
        """Whether `write` would accept frames of these sizes in turn, now or `once_drained`, if nobody else writes."""
        left = 0 if once_drained else self.segment_size - self.current.memory.tell()
        segments = len(self._segments) - 1 - self._held_back if once_drained else len(self._free) + len(self._cold)
        for size in sizes:
            if size > left:
                left = self.segment_size
                segments -= 1
            left -= size
            if segments < 0 or left < 0:
                return False
        return True

    def count_drops(self) -> int:
        """The number of dropped frames, also stored in the header. Only one thread may call this."""
        dropped = next(self._drops) - self._drop_reads
        self._drop_reads += 1
        self.header.dropped = dropped
        return self.header.dropped

    def continue_counts(self, old: Header) -> None:
        """Continue the counters of a spool that this one replaces."""
        self._drops = itertools.count(old.dropped)
        self.header.written, self.header.recovered = old.written, old.recovered

    def site_key(self, site_id: int) -> bytes | None:
        """The marshalled site with this id."""
        keys = self._keys
        return keys[site_id - 1] if 0 < site_id <= len(keys) else None

    def register_site(self, site_id: int, site_key: bytes) -> None:
        """Write the id of the site marshalled as `site_key`, so that frames can refer to it."""
        self._sites.write(site_frame(site_id, site_key))

    def _warm(self, count: int) -> None:
        """Keep `count` free segments with their pages in memory."""
        while len(self._free) < count and self._cold:
            self._clear(self._cold.pop())

    def _rotate(self) -> bool:
        """Make a free segment the current one; False if there is none.

        If two threads do so at once, a segment is sealed with little or nothing in it, and no frame is lost.
        """
        segment = popped(self._free) or popped(self._cold)
        if segment is None:
            return False
        try:
            self._numbering.give(segment)
        except BaseException:  # of a signal handler
            if not segment.sequence:
                self._free.append(segment)
            raise
        self.current = segment
        for other in self._segments:
            if other.sequence and other is not self.current:
                self._seal(other)
        return True

    def _seal(self, segment: Segment) -> None:
        segment.memory.seek(0, os.SEEK_END)
        self.header.set_sealed(segment.index, sealed=True)

    def read(self, position: int, limit: int) -> tuple[list[Frame], int]:
        """At most `limit` frames from `position` on, and the position after them."""
        sequence, offset = divmod(position, self.segment_size)
        if sequence < self.current.sequence:
            self._mend()
        segment = next((candidate for candidate in self._segments if candidate.sequence == sequence), None)
        if segment is None:
            numbers = [segment.sequence for segment in self._segments]
            number = number_to_read(sequence, numbers, self.header.skipped)
            return [], position if number == sequence else number * self.segment_size
        sealed = self.header.is_sealed(segment.index)
        frames, end, damaged = parse_between(segment.memory, offset, self.segment_size, limit)
        if frames:
            return frames, sequence * self.segment_size + end
        if sealed:
            return [], (sequence + 1) * self.segment_size
        if damaged:  # only a stray pointer in C code can cause this: skip the rest of the segment
            self._rotate()
        return [], position

    def release(self, position: int) -> None:
        """Clear and free the segments that end before `position`; the last ones are held back while there is room."""
        is_roomy = len(self._free) + len(self._cold) >= len(self._segments) // 2
        position -= self._held_back * self.segment_size if is_roomy else 0
        for segment in self._segments:
            if segment.sequence and (segment.sequence + 1) * self.segment_size <= position:
                self._clear(segment)

    def oldest(self) -> int:
        """The position of the oldest frame that can still be read."""
        sequences = [segment.sequence for segment in self._segments if segment.sequence]
        return min(sequences, default=self.current.sequence) * self.segment_size

    def _clear(self, segment: Segment) -> None:
        for start in range(0, self.segment_size, len(_ZEROS)):
            segment.memory[start : start + len(_ZEROS)] = _ZEROS
        segment.sequence = 0
        self.header.set_sequence(segment.index, 0)
        if not self.sealed:
            self.header.set_sealed(segment.index, sealed=False)
            segment.memory.seek(0)
            self._free.append(segment)

    def current_write(self) -> Callable[[bytes], object]:
        """The function that accepts the next frame."""
        return self.current.memory.write

    def end(self) -> int:
        """The position after the last frame."""
        current = self.current
        return current.sequence * self.segment_size + current.memory.tell()

    def tidy(self, now_ns: int) -> None:
        """Free the segments that another process drained, and update the status."""
        self.release(self.header.position)
        self._mend()
        if not self.sealed:
            self._warm(_WARM)
        self.count_drops()
        self.header.heartbeat_ns = now_ns

    def _mend(self) -> None:
        """Seal what a thread left open, and skip the numbers that it lost."""
        newest = self.current.sequence
        for segment in self._segments:
            if 0 < segment.sequence < newest and not self.header.is_sealed(segment.index):
                self._seal(segment)
        self._numbering.skip_missing(newest)

    def seal(self) -> None:
        """Accept no more frames, also in free segments that another thread is about to use; the drain must not run."""
        self.sealed = True
        self._free.clear()
        self._cold.clear()
        for segment in self._segments:
            self._seal(segment)

    def is_lost(self) -> bool:
        """Whether the file was deleted: its frames must move to another spool."""
        return self._file.is_lost()

    def leave(self) -> None:
        """Let other processes drain what is left; this one writes no more."""
        self.header.lease_pid = 0
        self._file.unlock()

    def remove(self) -> None:
        """Delete the file, once all its frames are in the log."""
        self._file.remove()

    def detach_after_fork(self) -> None:
        """Unmap the parent's spool in a forked child."""
        for segment in self._segments:
            segment.memory.close()
        self._sites.close()
        self._header_memory.close()
        self._file.detach()
