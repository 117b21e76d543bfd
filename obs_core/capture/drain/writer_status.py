"""How the writers of a log fare, read from the headers of their spools: also while SQLite is locked."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from obs_core.capture.drain.recovery import OrphanSpool
from obs_core.capture.spool.frames import CHECKSUM_SIZE, HEAD
from obs_core.capture.spool.header import CLOSED
from obs_core.capture.spool.spool import FIRST_SEGMENT, SUFFIX
from obs_core.paths import folder_of
from obs_core.process_identity import own_space

State = Literal["OK", "DELAYED", "CIRCUIT_OPEN", "GONE"]
DELAYED_AFTER_NS: Final = 5_000_000_000
DELAYED_ABOVE: Final = 0.8  # of the capacity
_USUAL_FRAME: Final = 80  # bytes of a row that returned a number


@dataclass(frozen=True, slots=True)
class WriterStatus:
    """One writer: who it is and how far it is; moments in nanoseconds since 1970 UTC.

    `queue` are the rows that wait, `capacity` how many would fit, judged by the size of those that wait. `dropped` are
    rows that found the ring full (`queue_full` in OpenTelemetry's SDK metrics), `recovered` rows that it took over from
    dead writers, or that others took over from it.
    """

    process: str
    process_group: str | None
    pid: int
    state: State
    queue: int
    capacity: int
    written: int
    dropped: int
    recovered: int
    last_flush_ns: int | None
    oldest_ns: int | None
    last_error: str


def writers(log: Path, now_ns: int | None = None) -> list[WriterStatus]:
    """The writers that have a spool beside `log`, by process and pid; SQLite is not opened."""
    now = time.time_ns() if now_ns is None else now_ns
    found: list[WriterStatus] = []
    for path in Path(folder_of(str(log))).glob(f"*{SUFFIX}"):
        try:
            spool = OrphanSpool(path, write=False)
        except (OSError, ValueError):
            continue
        try:
            status = _status(spool, now)
        finally:
            spool.close()
        if status is not None:
            found.append(status)
    return sorted(found, key=lambda each: (each.process, each.pid))


def _status(spool: OrphanSpool, now: int) -> WriterStatus | None:
    header = spool.header
    writer = header.writer
    lives = header.owner_lives(own_space(), now)
    queue, used, oldest = (header.in_memory, header.in_memory, header.in_memory_oldest_ns or None)
    size = header.in_memory_most
    if spool.segment_size:
        queue, used, oldest = _waiting(spool)
        size = header.segments * spool.segment_size
    if not lives and not queue:
        return None
    capacity = queue + int((size - used) / (used / queue if queue else _USUAL_FRAME))
    late = oldest is not None and now - oldest > DELAYED_AFTER_NS
    delayed = late or used > DELAYED_ABOVE * size
    circuit_open = header.circuit != CLOSED
    return WriterStatus(
        writer.process,
        writer.process_group,
        header.pid,
        "GONE" if not lives else "CIRCUIT_OPEN" if circuit_open else "DELAYED" if delayed else "OK",
        queue,
        capacity,
        header.written,
        header.dropped,
        header.recovered,
        header.last_flush_ns or None,
        oldest,
        header.last_error,
    )


def _waiting(spool: OrphanSpool) -> tuple[int, int, int | None]:
    """How many rows wait, how many bytes they take, and when the oldest of them began."""
    rows = used = 0
    oldest: int | None = None
    place, offset = divmod(spool.header.position, spool.segment_size)
    for its_place, segment in sorted((spool.header.sequence(each), each) for each in range(spool.header.segments)):
        if 0 < its_place < place:
            continue
        start = FIRST_SEGMENT + segment * spool.segment_size
        first = at = start + (offset if its_place == place else 0)
        while at + HEAD.size <= start + spool.segment_size:
            parts = HEAD.unpack_from(spool.memory, at)
            if not parts[0]:
                break
            oldest = parts[6] if oldest is None else oldest
            rows += 1
            at += HEAD.size + parts[0] + CHECKSUM_SIZE
        used += at - first
    return rows, used, oldest
