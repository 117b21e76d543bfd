"""The first pages of a spool: its writer, its drained position and its counters.

They are allocated with the spool, so the status can be read while SQLite is locked or the disk is full. All numbers
are little-endian 64 bit; each is written by one store, so a reader never sees half of one.

    0     magic, version, segments, segment size            64   written, dropped, recovered, last flush …
    512   the last error as text                            2048 who writes (marshal)
    8192  per segment: its sequence number (0: free)        12288 per segment: whether it is sealed
"""

import errno
import marshal
import mmap
import os
import struct
from typing import Final, NamedTuple

from obs_core.process_identity import birth_of, pid_lives

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
_NUMBER: Final = struct.Struct("<q")

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


class _Number:
    """One number at a fixed offset of the header."""

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def __get__(self, header: "Header", kind: type) -> int:
        return int(_NUMBER.unpack_from(header.memory, self.offset)[0])

    def __set__(self, header: "Header", value: int) -> None:
        _NUMBER.pack_into(header.memory, self.offset, value)


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
    in_memory_capacity = _Number(144)  # 136 is unused

    def __init__(self, memory: mmap.mmap) -> None:
        """A view of `memory`, which holds a header or will be filled with one."""
        self.memory = memory

    @property
    def is_valid(self) -> bool:
        """Whether the header is complete and of this version; the magic is written last."""
        return self.memory[:8] == MAGIC and self.version == VERSION

    def describe_writer(
        self, writer: WriterIdentity, started_ns: int, segments: int = 0, segment_size: int = 0
    ) -> None:
        """Fill a new header for this process, which writes the spool and holds its lease."""
        self.version, self.segments, self.segment_size = VERSION, segments, segment_size
        self.pid = self.lease_pid = os.getpid()
        self.birth = self.lease_birth = birth_of(self.pid) or 0
        self.started_ns = self.heartbeat_ns = started_ns
        self.position = segment_size  # sequence 1, offset 0
        self.writer = writer

    def mark_complete(self) -> None:
        """Write the magic: the header is complete."""
        self.memory[:8] = MAGIC

    @property
    def writer(self) -> WriterIdentity:
        """The process that writes this spool."""
        length = int.from_bytes(self.memory[_WRITER_AT : _WRITER_AT + 2], "little")
        return WriterIdentity(*marshal.loads(self.memory[_WRITER_AT + 2 : _WRITER_AT + 2 + length]))  # noqa: S302 - our own file

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

    def sequence(self, segment: int) -> int:
        """The sequence number of `segment` in the order of writing, from 1; 0 while it is free."""
        return int(_NUMBER.unpack_from(self.memory, _SEQUENCE_AT + 8 * segment)[0])

    def set_sequence(self, segment: int, sequence: int) -> None:
        """Store the sequence number of `segment`."""
        _NUMBER.pack_into(self.memory, _SEQUENCE_AT + 8 * segment, sequence)

    def is_sealed(self, segment: int) -> bool:
        """Whether `segment` accepts no more frames until it is cleared."""
        return self.memory[_SEALED_AT + segment] != 0

    def set_sealed(self, segment: int, *, sealed: bool) -> None:
        """Store whether `segment` is sealed."""
        self.memory[_SEALED_AT + segment] = sealed

    def lease_is_free(self, pid_namespace: str, now_ns: int) -> bool:
        """Whether no living process drains this spool."""
        return not self.lease_pid or not self._is_alive(self.lease_pid, self.lease_birth, pid_namespace, now_ns)

    def owner_is_alive(self, pid_namespace: str, now_ns: int) -> bool:
        """Whether the process that writes this spool is alive."""
        return self._is_alive(self.pid, self.birth, pid_namespace, now_ns)

    def _is_alive(self, pid: int, birth: int, pid_namespace: str, now_ns: int) -> bool:
        """By pid; across namespaces (containers on one volume, after a reboot) by the heartbeat."""
        if self.writer.pid_namespace == pid_namespace:
            return pid_lives(pid, birth)
        return now_ns - self.heartbeat_ns < 60_000_000_000  # noqa: PLR2004 - a minute: the drain beats ten times a second


def allocate(descriptor: int, size: int) -> None:
    """Allocate all blocks of the file now."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    for _ in range(0, size, _PIECE):  # no such call on this system: write every block
        if os.write(descriptor, bytes(_PIECE)) != _PIECE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
