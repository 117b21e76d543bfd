"""`OrphanSpool`: the spool of another process, checked before anything in it is believed.

It is read by position, not mapped: a file that is cut short meanwhile would end the reader with SIGBUS. What is missing
at its end reads as zeros, which end the frames of a segment.
"""

from pathlib import Path
from typing import Final, overload

from obs_core import safe_files
from obs_core.capture.spool.frames import CHECKSUM_SIZE, HEAD, Frame, parse, parse_between
from obs_core.capture.spool.header import HEADER_SIZE, MAGIC, MOST_SEGMENTS, VERSION, Header
from obs_core.capture.spool.numbering import number_to_read
from obs_core.capture.spool.spool import FIRST_SEGMENT, LARGEST_SEGMENT
from obs_core.capture.spool.spool_file import SUFFIX
from obs_core.system import os

_PAGE: Final = 4096
SALVAGE: Final = "~"  # added to the name under which the log keeps the position of a salvaged spool


class UnreadableSpool(ValueError):
    """The file will never be read as a spool; the message is a phrase that says why."""


class UnfinishedSpool(ValueError):
    """The file has no complete header yet."""


class NewerSpool(ValueError):
    """A newer version of this product wrote the file."""


class FileMemory:
    """The first `size` bytes of an open file; what the file does not have reads as zeros."""

    def __init__(self, descriptor: int, size: int) -> None:
        """Read and write through `descriptor`."""
        self.descriptor = descriptor
        self._size = size

    def __len__(self) -> int:
        """The size."""
        return self._size

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> bytes: ...
    def __getitem__(self, at: int | slice) -> int | bytes:
        """The byte, or the bytes, at this position."""
        if isinstance(at, int):
            return self[at : at + 1][0]
        start, stop, _ = at.indices(self._size)
        length = max(stop - start, 0)
        return os.pread(self.descriptor, length, start).ljust(length, b"\0")

    @overload
    def __setitem__(self, at: int, value: int) -> None: ...
    @overload
    def __setitem__(self, at: slice, value: bytes) -> None: ...
    def __setitem__(self, at: int | slice, value: int | bytes) -> None:
        """Write the byte, or the bytes, to this position."""
        start = at if isinstance(at, int) else at.indices(self._size)[0]
        os.pwrite(self.descriptor, bytes([value]) if isinstance(value, int) else value, start)


class OrphanSpool:
    """A spool that another process made."""

    def __init__(self, path: Path, *, write: bool = True) -> None:
        """Open the spool at `path`; read-only unless `write`.

        Raises:
            OSError: it was deleted, is not a regular file, or this process may not open it.
            UnreadableSpool: it is damaged, or something else.
            UnfinishedSpool, NewerSpool: it can't be read now.
        """
        self.path = path
        self.descriptor = safe_files.open_file(path, write=write)
        try:
            status = os.fstat(self.descriptor)
            self.header = Header(FileMemory(self.descriptor, HEADER_SIZE))
            self._check()
        except BaseException:
            os.close(self.descriptor)
            raise
        self.memory = self.header.memory = FileMemory(self.descriptor, self._full_size())
        self.is_cut_short = status.st_size < len(self.memory)
        self.is_damaged = False  # known once everything is read
        self.is_dead = False
        self._sites: dict[int, bytes] = {}

    @property
    def name(self) -> str:
        """The name under which the log keeps its position, as text that can be stored."""
        name = self.path.name.removesuffix(SUFFIX).encode("utf-8", "backslashreplace").decode("utf-8")
        return name + SALVAGE if self.header.salvaged else name

    def _check(self) -> None:
        header = self.header
        if header.memory[: len(MAGIC)] != MAGIC:
            if any(header.memory[: len(MAGIC)]):
                raise UnreadableSpool("it is not a spool")
            raise UnfinishedSpool("it is not complete")
        if VERSION < header.version < 1 << 16:
            raise NewerSpool("a newer version of this program wrote it")
        segments, size = self.segments, self.segment_size = header.segments, header.segment_size
        fits = 0 < segments <= MOST_SEGMENTS and 0 < size <= LARGEST_SEGMENT and size % _PAGE == 0
        if header.version != VERSION or not (fits or segments == size == 0):
            raise UnreadableSpool("its header is damaged")
        try:
            self.writer = header.writer
        except ValueError as error:
            raise UnreadableSpool(str(error)) from error

    def _full_size(self) -> int:
        return FIRST_SEGMENT + self.segments * self.segment_size if self.segments else HEADER_SIZE

    def site_key(self, site_id: int) -> bytes | None:
        """The marshalled site with this id."""
        if site_id not in self._sites:
            site_frames = parse(self.memory[HEADER_SIZE:FIRST_SEGMENT], 0, FIRST_SEGMENT)[0]
            self._sites = {frame[0]: frame[-1] for frame in site_frames}
        return self._sites.get(site_id)

    def number_orphan_segments(self) -> None:
        """The owner is dead: number the segments that were written to before they got a sequence number."""
        self.is_dead = True
        if not self.segments:
            return
        sequences = self.header.sequences()
        if self.header.salvaged or not self._is_consistent(sequences):
            self._salvage(sequences)
            return
        for segment, sequence in enumerate(sequences):
            if not sequence and self._holds_frames(segment):
                sequences[segment] = max(sequences) + 1
                self.header.set_sequence(segment, sequences[segment])

    def _is_consistent(self, sequences: list[int]) -> bool:
        """Whether position and sequence numbers can be true: numbers are unique, and at most a ring from the position.

        A position inside a segment lies at the start of a frame.
        """
        sequence, offset = divmod(self.header.position, self.segment_size)
        numbers = [number for number in sequences if number]
        if sequence < 1 or min(numbers, default=1) < 1 or len(numbers) != len(set(numbers)):
            return False
        if any(abs(number - sequence) > self.segments + 1 for number in numbers):
            return False
        if sequence not in numbers:
            return not offset
        start = self.start_of(sequences.index(sequence))
        memory = self.memory[start : start + offset + HEAD.size]
        at = 0
        while at < offset and (length := int.from_bytes(memory[at : at + 4], "little")):
            at += HEAD.size + length + CHECKSUM_SIZE
        return at == offset

    def _salvage(self, sequences: list[int]) -> None:
        """Number the segments again and drain all of them; rows with a key that are in the log are not stored again."""
        header = self.header
        self.is_damaged = True
        if header.salvaged and header.position:
            return
        header.position, header.salvaged = 0, 1  # a position of 0: the numbers are not complete
        order = sorted(range(self.segments), key=lambda segment: (sequences[segment], segment))
        used = [segment for segment in order if self._holds_frames(segment)]
        for segment in range(self.segments):
            header.set_sequence(segment, used.index(segment) + 1 if segment in used else 0)
        header.position = self.segment_size

    def _holds_frames(self, segment: int) -> bool:
        start = self.start_of(segment)
        return any(self.memory[start : start + 8])

    def start_of(self, segment: int) -> int:
        """The offset of `segment` in the file."""
        return FIRST_SEGMENT + segment * self.segment_size

    def read(self, position: int, limit: int) -> tuple[list[Frame], int]:
        """At most `limit` frames from `position` on, and the position after them."""
        if not self.segment_size:  # only the status of a writer that kept its rows in memory
            return [], position
        sequence, offset = divmod(position, self.segment_size)
        skipped = self.header.skipped
        sequences = {number: segment for segment, number in enumerate(self.header.sequences()) if number > 0}
        last = max(sequences, default=0)
        if sequence not in sequences:
            number = number_to_read(sequence, sequences, last if self.is_dead else skipped)
            return [], position if number == sequence else number * self.segment_size
        segment = sequences[sequence]
        sealed = self.is_dead or self.header.is_sealed(segment)
        start = self.start_of(segment)
        stop = start + self.segment_size
        frames, end, damaged = parse_between(self.memory, start + offset, stop, limit)
        if frames:
            return frames, sequence * self.segment_size + end - start
        if damaged and self.is_dead and not (sequence == last and self._is_torn(end, stop)):
            self.is_damaged = True
        return [], (sequence + 1) * self.segment_size if sealed and last > sequence else position

    def _is_torn(self, at: int, stop: int) -> bool:
        """Whether the bad frame at `at` is one that a killed process did not finish: only zeros follow."""
        after = at + HEAD.size + int.from_bytes(self.memory[at : at + 4], "little") + CHECKSUM_SIZE
        return after <= stop and not self.memory[after:stop].strip(b"\0")

    def oldest(self) -> int:
        """The position of the oldest frame that can still be read."""
        numbers = [number for number in self.header.sequences() if number > 0]
        return min(numbers, default=1) * self.segment_size

    def release(self, position: int) -> None:
        """Do nothing: only the owner may clear its segments; the file of a dead one is deleted as a whole."""

    def close(self) -> None:
        """Close the file, and release its lock if this process took it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
