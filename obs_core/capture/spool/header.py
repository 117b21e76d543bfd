"""The first pages of a spool: its writer, its drained position and its counters.

They are allocated with the spool, so the status can be read while SQLite is locked or the disk is full. All numbers
are little-endian 64 bit; each is written by one store, so a reader never sees half of one.

    0     magic, version, segments, segment size            64   written, dropped, recovered, last flush …
    512   the last error as text                            2048 who writes (marshal)
    8192  per segment: its sequence number (0: free)        12288 per segment: whether it is sealed
"""

import errno
import marshal
from typing import Final, NamedTuple, Protocol, overload

from obs_core.process_identity import birth_of, pid_lives
from obs_core.system import os

HEADER_SIZE: Final = 16_384
MOST_SEGMENTS: Final = 512
MAGIC: Final = b"OBSSPOOL"
VERSION: Final = 1
_ERROR_AT: Final = 512
_WRITER_AT: Final = 2048
_SEQUENCE_AT: Final = 8192
_SEALED_AT: Final = 12_288
_PIECE: Final = 64 * 1024
_ERROR_CAP: Final = 1000
_WRITER_CAP: Final = 6000
_LARGEST: Final = (1 << 63) - 1
_SILENT_NS: Final = 60_000_000_000  # a minute: the drain beats ten times a second
_ABANDONED_NS: Final = 7 * 24 * 3600 * 1_000_000_000  # a week

CLOSED, OPEN, HALF_OPEN = 0, 1, 2


class WriterIdentity(NamedTuple):
    """The process that writes a spool; its pid is valid in `pid_namespace`."""

    process: str
    process_group: str | None
    host: str | None
    version: str | None
    revision: str | None
    pid_namespace: str
    log: str


class Memory(Protocol):
    """The bytes of a spool: mapped by its owner, read by position by everybody else."""

    @overload
    def __getitem__(self, at: int, /) -> int: ...
    @overload
    def __getitem__(self, at: slice, /) -> bytes: ...
    @overload
    def __setitem__(self, at: int, value: int, /) -> None: ...
    @overload
    def __setitem__(self, at: slice, value: bytes, /) -> None: ...


class _Number:
    """One number at a fixed offset of the header, limited to 64 bits: a clock may show any time."""

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def __get__(self, header: "Header", kind: type) -> int:
        return int.from_bytes(header.memory[self.offset : self.offset + 8], "little", signed=True)

    def __set__(self, header: "Header", value: int) -> None:
        number = max(-_LARGEST - 1, min(_LARGEST, value))
        header.memory[self.offset : self.offset + 8] = number.to_bytes(8, "little", signed=True)


class Header:
    """The header of one spool, over its mapped memory."""

    version = _Number(8)
    segments = _Number(16)
    segment_size = _Number(24)
    pid = _Number(32)
    birth = _Number(40)  # start of the process in clock ticks since boot; detects a reused pid
    started_ns = _Number(48)
    position = _Number(56)  # everything before it is in the log
    written = _Number(64)
    dropped = _Number(72)
    recovered = _Number(80)
    last_flush_ns = _Number(88)
    circuit = _Number(96)
    lease_pid = _Number(104)  # pid of the process that drains the spool; 0: nobody
    lease_birth = _Number(112)
    heartbeat_ns = _Number(120)  # last activity of the owner's drain
    in_memory = _Number(128)  # rows that wait in memory because no spool could be allocated
    ended = _Number(136)  # 1: whoever recovers the spool found its owner dead
    in_memory_capacity = _Number(144)
    is_locked = _Number(152)  # 1: the owner holds the lock of the file as long as it lives; 0 also in older spools
    out_of_range = _Number(160)  # rows with a time or duration beyond 64 bits, stored at the bound
    salvaged = _Number(168)  # 1: the positions were damaged, so the segments were numbered again and all are drained

    skipped = _Number(176)  # sequence numbers up to this one that no segment has are not used any more

    def __init__(self, memory: Memory) -> None:
        """A view of `memory`, which holds a header or will be filled with one."""
        self.memory = memory

    def describe_writer(
        self, writer: WriterIdentity, started_ns: int, segments: int = 0, segment_size: int = 0
    ) -> None:
        """Fill a new header for this process, which writes the spool and holds its lease."""
        self.version, self.segments, self.segment_size = VERSION, segments, segment_size
        self.take_lease()
        self.pid, self.birth = self.lease_pid, self.lease_birth
        self.started_ns = self.heartbeat_ns = started_ns
        self.position = segment_size  # sequence 1, offset 0
        self.writer = writer

    def mark_complete(self) -> None:
        """Write the magic: the header is complete."""
        self.memory[:8] = MAGIC

    @property
    def writer(self) -> WriterIdentity:
        """The process that writes this spool, in text that can be stored.

        Raises:
            ValueError: it can't be read.
        """
        length = int.from_bytes(self.memory[_WRITER_AT : _WRITER_AT + 2], "little")
        return _identity(self.memory[_WRITER_AT + 2 : _WRITER_AT + 2 + length])

    @writer.setter
    def writer(self, writer: WriterIdentity) -> None:
        longest = _WRITER_CAP // (8 * len(writer))
        text = marshal.dumps((*(part and part[:longest] for part in writer[:-1]), writer.log[-2000:]), 2)
        self.memory[_WRITER_AT : _WRITER_AT + 2 + len(text)] = len(text).to_bytes(2, "little") + text

    @property
    def last_error(self) -> str:
        """The last error, empty if there was none."""
        length = int.from_bytes(self.memory[_ERROR_AT : _ERROR_AT + 2], "little")
        return self.memory[_ERROR_AT + 2 : _ERROR_AT + 2 + min(length, _ERROR_CAP)].decode("utf-8", "replace")

    @last_error.setter
    def last_error(self, text: str) -> None:
        raw = text.encode("utf-8", "replace")[:_ERROR_CAP]
        self.memory[_ERROR_AT : _ERROR_AT + 2 + len(raw)] = len(raw).to_bytes(2, "little") + raw

    def count_out_of_range(self, rows: int) -> None:
        """Count rows with a time beyond 64 bits."""
        if rows:
            self.out_of_range += rows
            self.last_error = f"{self.out_of_range:,} rows have a time before 1677 or after 2262, stored at the bound"

    def sequence(self, segment: int) -> int:
        """The sequence number of `segment` in the order of writing, from 1; 0 while it is free."""
        at = _SEQUENCE_AT + 8 * segment
        return int.from_bytes(self.memory[at : at + 8], "little", signed=True)

    def sequences(self) -> list[int]:
        """The sequence numbers of all segments."""
        table = self.memory[_SEQUENCE_AT : _SEQUENCE_AT + 8 * self.segments]
        return [int.from_bytes(table[at : at + 8], "little", signed=True) for at in range(0, len(table), 8)]

    def set_sequence(self, segment: int, sequence: int) -> None:
        """Store the sequence number of `segment`."""
        at = _SEQUENCE_AT + 8 * segment
        self.memory[at : at + 8] = sequence.to_bytes(8, "little", signed=True)

    def is_sealed(self, segment: int) -> bool:
        """Whether `segment` accepts no more frames until it is cleared."""
        return self.memory[_SEALED_AT + segment] != 0

    def set_sealed(self, segment: int, *, sealed: bool) -> None:
        """Store whether `segment` is sealed."""
        self.memory[_SEALED_AT + segment] = sealed

    def lease_is_free(self, pid_namespace: str, now_ns: int) -> bool:
        """Whether no living process drains this spool."""
        return not self.lease_pid or not self._is_alive(self.lease_pid, self.lease_birth, pid_namespace, now_ns)

    def take_lease(self) -> None:
        """Store that this process drains the spool."""
        pid = os.getpid()
        self.lease_birth = birth_of(pid) or 0
        self.lease_pid = pid

    def owner_is_alive(self, pid_namespace: str, now_ns: int) -> bool:
        """Whether the process that writes this spool seems to be alive, for a spool without a lock."""
        return self._is_alive(self.pid, self.birth, pid_namespace, now_ns)

    def owner_is_surely_dead(self, pid_namespace: str, now_ns: int) -> bool:
        """Whether it can't be alive: its pid is gone, or it was silent for a week.

        The pid of another namespace says nothing: the process of another container may sleep for hours.
        """
        if self.writer.pid_namespace == pid_namespace:
            return not pid_lives(self.pid, self.birth)
        return now_ns - self.heartbeat_ns > _ABANDONED_NS

    def _is_alive(self, pid: int, birth: int, pid_namespace: str, now_ns: int) -> bool:
        """By pid; across namespaces (containers on one volume, after a reboot) by the heartbeat."""
        if self.writer.pid_namespace == pid_namespace:
            return pid_lives(pid, birth)
        return now_ns - self.heartbeat_ns < _SILENT_NS


def _identity(raw: bytes) -> WriterIdentity:
    """The marshalled identity, read by hand: marshal believes the lengths in a damaged file and allocates gigabytes.

    Source of the format: CPython, Python/marshal.c, version 2: `(`, a count, then `N`, or `u`, a length and UTF-8.
    """
    count = len(WriterIdentity._fields)
    parts: list[str | None] = []
    at = 5
    if raw[:at] != b"(" + count.to_bytes(4, "little"):
        raise ValueError("its header does not say who wrote it")
    for _ in range(count):
        end = at + 5 + int.from_bytes(raw[at + 1 : at + 5], "little")
        if raw[at : at + 1] == b"N":
            parts.append(None)
            at += 1
        elif raw[at : at + 1] == b"u" and end <= len(raw):
            parts.append(raw[at + 5 : end].decode("utf-8", "backslashreplace"))
            at = end
        else:
            raise ValueError("its header does not say who wrote it")
    process, group, host, version, revision, namespace, log = parts
    return WriterIdentity(process or "?", group, host, version, revision, namespace or "", log or "")


def allocate(descriptor: int, size: int) -> None:
    """Allocate all blocks of the file now."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    for _ in range(0, size, _PIECE):  # no such call on this system: write every block
        if os.write(descriptor, bytes(_PIECE)) != _PIECE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
