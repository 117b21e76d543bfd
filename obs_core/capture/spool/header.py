"""The first pages of a spool: who writes it, how far it is drained, and how the writer fares.

They are preallocated with the spool, so its status can be read while SQLite is locked or the disk is full. All
numbers are little-endian 64 bit; each is written by one store, so a reader never sees half of one.

    0     magic, version, segments, segment size            64   written, dropped, recovered, last flush …
    512   the last error as text                            2048 who writes (marshal)
    8192  per segment: its place in the sequence (0: free)  12288 per segment: whether it is sealed
"""

import errno
import marshal
import mmap
import os
import struct
from typing import Final, NamedTuple

from obs_core.process_identity import pid_lives

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


class Writer(NamedTuple):
    """Who writes a spool; `space` names the process-id namespace in which its pid means something."""

    process: str
    process_group: str | None
    host: str | None
    version: str | None
    revision: str | None
    space: str
    log: str


class _Number:
    """One number at a fixed place of the header."""

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
    birth = _Number(40)  # when the pid was born, in clock ticks since boot; tells a reused pid
    started_ns = _Number(48)
    position = _Number(56)  # everything before it is in the log
    written = _Number(64)
    dropped = _Number(72)
    recovered = _Number(80)
    last_flush_ns = _Number(88)
    circuit = _Number(96)
    lease_pid = _Number(104)  # who drains it: 0 nobody
    lease_birth = _Number(112)
    beat_ns = _Number(120)  # when the owner's drain last looked
    in_memory = _Number(128)  # rows that wait in memory because no spool could be allocated
    in_memory_oldest_ns = _Number(136)
    in_memory_most = _Number(144)

    def __init__(self, memory: mmap.mmap) -> None:
        """A view of `memory`, which holds a header or is to get one."""
        self.memory = memory

    @property
    def is_spool(self) -> bool:
        """Whether there is a finished header of this version; the magic is written last."""
        return self.memory[:8] == MAGIC and self.version == VERSION

    def finish(self) -> None:
        """Say that the header is complete."""
        self.memory[:8] = MAGIC

    @property
    def writer(self) -> Writer:
        """Who writes here."""
        length = int.from_bytes(self.memory[_WRITER_AT : _WRITER_AT + 2], "little")
        return Writer(*marshal.loads(self.memory[_WRITER_AT + 2 : _WRITER_AT + 2 + length]))  # noqa: S302 - our own file

    @writer.setter
    def writer(self, writer: Writer) -> None:
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
        """The place of `segment` in the order of writing, from 1; 0 while it is free."""
        return int(_NUMBER.unpack_from(self.memory, _SEQUENCE_AT + 8 * segment)[0])

    def set_sequence(self, segment: int, place: int) -> None:
        """Give `segment` its place."""
        _NUMBER.pack_into(self.memory, _SEQUENCE_AT + 8 * segment, place)

    def is_sealed(self, segment: int) -> bool:
        """Whether nothing more is written to `segment` at its present place."""
        return self.memory[_SEALED_AT + segment] != 0

    def set_sealed(self, segment: int, *, sealed: bool) -> None:
        """Say whether `segment` is sealed."""
        self.memory[_SEALED_AT + segment] = sealed

    def lease_is_free(self, space: str, now_ns: int) -> bool:
        """Whether nobody, or a dead process, drains this spool."""
        return not self.lease_pid or not self._lives(self.lease_pid, self.lease_birth, space, now_ns)

    def owner_lives(self, space: str, now_ns: int) -> bool:
        """Whether its writer lives."""
        return self._lives(self.pid, self.birth, space, now_ns)

    def _lives(self, pid: int, birth: int, space: str, now_ns: int) -> bool:
        """Across namespaces (containers on one volume, a machine that was started again) the heartbeat tells."""
        if self.writer.space == space:
            return pid_lives(pid, birth)
        return now_ns - self.beat_ns < 60_000_000_000  # noqa: PLR2004 - a minute: the drain beats ten times a second


def allocate(descriptor: int, size: int) -> None:
    """Give the file all its blocks now."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    for _ in range(0, size, _PIECE):  # no such call on this system: write every block
        if os.write(descriptor, bytes(_PIECE)) != _PIECE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
