"""The spool: a ring of memory-mapped segments beside the log, which takes each row before the traced call returns.

The kernel keeps what was stored into a mapped file when the process dies, so kill -9, os._exit and a crash in C code
lose nothing. The file is fully allocated when it is made: a store into a hole of a mapped file on a full disk is
SIGBUS and kills the program.

No lock is taken on the way in. `mmap.write` copies a frame and moves the segment's position in one C call under the
interpreter's lock, so threads and signal handlers can't come between; it raises ValueError when the segment is full.
Then the next free segment takes over. The drain empties segments in the order in which they were taken, clears them
and gives them back. A segment is sealed by moving its position to its end, so no late write can land behind the drain.
"""

import itertools
import mmap
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from obs_core import process_identity
from obs_core.capture.spool import header
from obs_core.capture.spool.frames import SITES_SIZE, Event, parse_between, site_frame
from obs_core.capture.spool.header import HEADER_SIZE, Header, Writer

SMALLEST_SEGMENT: Final = 256 * 1024
LARGEST_SEGMENT: Final = 4 * 1024 * 1024
SUFFIX: Final = ".spool"
FIRST_SEGMENT: Final = HEADER_SIZE + SITES_SIZE + 64 * 1024
"""Where the segments begin; the sites before them may be told twice, which the spare room allows for."""
_ZEROS: Final = bytes(64 * 1024)  # cleared in pieces: each holds the interpreter for some microseconds only
_WARM: Final = 2  # segments kept ready beside the current one: the first touch of a page costs 0.3-2 us


class Segment:
    """One part of the ring; `place` is its turn in the order of writing, 0 while it is free."""

    __slots__ = ("index", "memory", "place")

    def __init__(self, memory: mmap.mmap, index: int) -> None:
        """The segment `index`, over its own mapping."""
        self.memory = memory
        self.index = index
        self.place = 0


class Spool:
    """The ring of one process, as its owner sees it. `write` may be called from any thread and signal handler."""

    def __init__(self, path: str, size: int, writer: Writer, started_ns: int, keys: Sequence[bytes]) -> None:
        """Make the file `path` with `size` bytes of segments; `keys` are the process's sites by number, from 1.

        Raises:
            OSError: it can't be made or allocated.
        """
        segment_size = min(max(size // 64 // 4096 * 4096, SMALLEST_SEGMENT), LARGEST_SEGMENT)
        count = min(max(size // segment_size, 2), header.MOST_SEGMENTS)
        self.path = path
        self._keys = keys
        self.name = os.path.basename(path).removesuffix(SUFFIX)  # noqa: PTH119 - pathlib is not for the hot room
        self.segment_size = segment_size
        self.capacity = count * segment_size
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            header.allocate(descriptor, FIRST_SEGMENT + self.capacity)
            self.header = Header(mmap.mmap(descriptor, HEADER_SIZE))
            self._sites = mmap.mmap(descriptor, FIRST_SEGMENT - HEADER_SIZE, offset=HEADER_SIZE)
            self._segments = [
                Segment(mmap.mmap(descriptor, segment_size, offset=FIRST_SEGMENT + index * segment_size), index)
                for index in range(count)
            ]
        except BaseException:
            os.unlink(path)  # noqa: PTH108 - pathlib would be the dearest import of a traced program
            raise
        finally:
            os.close(descriptor)
        self._introduce(writer, started_ns)
        self._places = itertools.count(1)
        self._drops = itertools.count()
        self._looks = 0
        self.sealed = False
        self._cold = self._segments[::-1]  # never touched yet
        self._free: list[Segment] = []
        self._warm(1)
        self.current = self._free.pop()
        self._take(self.current)

    def _introduce(self, writer: Writer, started_ns: int) -> None:
        facts = self.header
        facts.version, facts.segments, facts.segment_size = header.VERSION, len(self._segments), self.segment_size
        facts.pid, facts.birth, facts.started_ns = os.getpid(), process_identity.birth_of(os.getpid()) or 0, started_ns
        facts.lease_pid, facts.lease_birth, facts.beat_ns = facts.pid, facts.birth, started_ns
        facts.position = self.segment_size  # place 1, offset 0
        facts.writer = writer
        facts.finish()

    def write(self, frame: bytes) -> bool:
        """Put `frame` in; False if the ring is full and it was dropped and counted."""
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
        # A tally that threads and signal handlers can't lose: next() is one C call.
        self.header.dropped = next(self._drops) + 1 - self._looks
        return False

    def has_room(self, sizes: Iterable[int], *, once_drained: bool = False) -> bool:
        """Whether `write` would take pieces of these sizes in turn, now or `once_drained`, if nobody else writes."""
        left = 0 if once_drained else self.segment_size - self.current.memory.tell()
        segments = len(self._segments) - 1 if once_drained else len(self._free) + len(self._cold)
        for size in sizes:
            if size > left:
                left = self.segment_size
                segments -= 1
            left -= size
            if segments < 0 or left < 0:
                return False
        return True

    def count_drops(self) -> int:
        """How many rows were dropped, also stored in the header. Only one thread may call this."""
        dropped = next(self._drops) - self._looks
        self._looks += 1
        self.header.dropped = dropped
        return self.header.dropped

    def site(self, number: int) -> bytes | None:
        """The marshalled site of this number."""
        keys = self._keys
        return keys[number - 1] if 0 < number <= len(keys) else None

    def tell_site(self, number: int, key: bytes) -> None:
        """Let rows of the site marshalled as `key` carry this number."""
        self._sites.write(site_frame(number, key))

    def _warm(self, count: int) -> None:
        """Have `count` free segments whose pages are in memory."""
        while len(self._free) < count and self._cold:
            self._clear(self._cold.pop())

    def _take(self, segment: Segment) -> None:
        segment.place = next(self._places)
        self.header.set_sequence(segment.index, segment.place)

    def _rotate(self) -> bool:
        """Let a free segment take over; False if there is none.

        Two threads may do so at once: then a segment is sealed with little or nothing in it, and none is lost.
        """
        segment = _popped(self._free) or _popped(self._cold)
        if segment is None:
            return False
        self._take(segment)
        self.current = segment
        for other in self._segments:
            if other.place and other is not self.current:
                self._seal(other)
        return True

    def _seal(self, segment: Segment) -> None:
        segment.memory.seek(0, os.SEEK_END)
        self.header.set_sealed(segment.index, sealed=True)

    def read(self, position: int, limit: int) -> tuple[list[Event], int]:
        """At most `limit` rows from `position` on, and the position behind them."""
        place, offset = divmod(position, self.segment_size)
        segment = next((each for each in self._segments if each.place == place), None)
        if segment is None:
            return [], position
        sealed = self.header.is_sealed(segment.index)
        found, end, damaged = parse_between(segment.memory, offset, self.segment_size, limit)
        if found:
            return found, place * self.segment_size + end
        if sealed:
            return [], (place + 1) * self.segment_size
        if damaged:  # only a stray pointer in C code can do this: give the segment up
            self._rotate()
        return [], position

    def release(self, position: int) -> None:
        """Clear the segments that lie wholly before `position` and let them be filled again."""
        for segment in self._segments:
            if segment.place and (segment.place + 1) * self.segment_size <= position:
                self._clear(segment)

    def _clear(self, segment: Segment) -> None:
        for start in range(0, self.segment_size, len(_ZEROS)):
            segment.memory[start : start + len(_ZEROS)] = _ZEROS
        segment.place = 0
        self.header.set_sequence(segment.index, 0)
        self.header.set_sealed(segment.index, sealed=False)
        segment.memory.seek(0)
        if not self.sealed:
            self._free.append(segment)

    def current_write(self) -> Callable[[bytes], object]:
        """What takes the next frame."""
        return self.current.memory.write

    def end(self) -> int:
        """The position behind the last row."""
        current = self.current
        return current.place * self.segment_size + current.memory.tell()

    def tidy(self, now_ns: int) -> None:
        """Give back what another process drained, and bring the status up to date."""
        self.release(self.header.position)
        if not self.sealed:
            self._warm(_WARM)
        self.count_drops()
        self.header.beat_ns = now_ns

    def seal(self) -> None:
        """Take no more rows: a late write fails and goes to the next writer."""
        self.sealed = True
        self._free.clear()
        self._cold.clear()
        for segment in self._segments:
            if segment.place:
                self._seal(segment)

    def remove(self) -> None:
        """Delete the file; all that was in it is in the log."""
        try:
            os.unlink(self.path)  # noqa: PTH108 - as above
        except OSError:
            return

    def abandon(self) -> None:
        """Unmap it in a forked child, whose parent goes on writing it."""
        for segment in self._segments:
            segment.memory.close()
        self._sites.close()
        self.header.memory.close()


def _popped(segments: list[Segment]) -> Segment | None:
    try:
        return segments.pop()
    except IndexError:
        return None
