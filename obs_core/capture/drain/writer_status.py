"""The status of a log's writers, read from the headers of their spools; works while SQLite is locked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from obs_core.capture.drain import recovery
from obs_core.capture.drain.orphan import OrphanSpool, UnfinishedSpool
from obs_core.capture.spool.frames import CHECKSUM_SIZE, HEAD
from obs_core.capture.spool.header import CLOSED
from obs_core.capture.spool.spool_file import SUFFIX
from obs_core.paths import folder_of
from obs_core.process_identity import pid_namespace
from obs_core.system import time_ns

WriterState = Literal["OK", "DELAYED", "CIRCUIT_OPEN", "GONE"]
DELAYED_AFTER_NS: Final = 5_000_000_000
DELAYED_ABOVE: Final = 0.8  # share of the capacity
_MOST_BAD: Final = 100
_TYPICAL_FRAME: Final = 80  # bytes of a row that returned a number


@dataclass(frozen=True, slots=True)
class WriterStatus:
    """One writer and its counters; times in nanoseconds since 1970 UTC.

    `queue` is the number of rows in the spool; `capacity` is how many fit, estimated from the size of the queued rows.
    `dropped` rows found the ring full (`queue_full` in OpenTelemetry's SDK metrics). `recovered` rows were taken over
    from dead writers, or by others from this one.
    """

    process: str
    process_group: str | None
    pid: int
    state: WriterState
    queue: int
    capacity: int
    written: int
    dropped: int
    recovered: int
    last_flush_ns: int | None
    oldest_ns: int | None
    last_error: str


def writers(log: Path, now_ns: int | None = None) -> list[WriterStatus]:
    """The writers with a spool for `log`, ordered by process and pid; does not open SQLite."""
    now = time_ns() if now_ns is None else now_ns
    statuses: list[WriterStatus] = []
    folder = folder_of(str(log))
    for path in recovery.spools(folder):
        try:
            status = _status_of(path, now)
        except (FileNotFoundError, UnfinishedSpool):
            continue
        except Exception as error:  # noqa: BLE001 - one odd spool must not hide the writers of the others
            status = _unreadable(path, f"{recovery.name_of(path)} can't be read: {recovery.reason(error)}.")
        if status is not None:
            statuses.append(status)
    for path in recovery.spools(folder, SUFFIX + recovery.BAD)[:_MOST_BAD]:
        said = f"{recovery.name_of(path)} was set aside: it could not be read in full. Delete it when it is not needed."
        statuses.append(_unreadable(path, said))
    return sorted(statuses, key=lambda status: (status.process, status.pid))


def _status_of(path: Path, now: int) -> WriterStatus | None:
    spool = OrphanSpool(path, write=False)
    try:
        return _status(spool, now)
    finally:
        spool.close()


def _unreadable(path: Path, said: str) -> WriterStatus:
    return WriterStatus(recovery.name_of(path), None, 0, "GONE", 0, 0, 0, 0, 0, None, None, said)


def _status(spool: OrphanSpool, now: int) -> WriterStatus | None:
    header = spool.header
    writer = header.writer
    is_alive = recovery.life_of(spool, pid_namespace(), now, shared=True) == "alive"
    oldest: int | None = None
    queue = used = header.in_memory
    size = header.in_memory_capacity
    if spool.segment_size:
        queue, used, oldest = _queue(spool)
        size = header.segments * spool.segment_size
    if not is_alive and not queue:
        return None
    capacity = queue + int((size - used) / (used / queue if queue else _TYPICAL_FRAME))
    late = oldest is not None and now - oldest > DELAYED_AFTER_NS
    delayed = late or used > DELAYED_ABOVE * size
    circuit_open = header.circuit != CLOSED
    return WriterStatus(
        writer.process,
        writer.process_group,
        header.pid,
        "GONE" if not is_alive else "CIRCUIT_OPEN" if circuit_open else "DELAYED" if delayed else "OK",
        queue,
        capacity,
        header.written,
        header.dropped,
        header.recovered,
        header.last_flush_ns or None,
        oldest,
        header.last_error,
    )


def _queue(spool: OrphanSpool) -> tuple[int, int, int | None]:
    """(queued rows, their size in bytes, start_ns of the oldest)."""
    rows = used = 0
    oldest: int | None = None
    sequence, offset = divmod(spool.header.position, spool.segment_size)
    for segment_sequence, segment in sorted((number, at) for at, number in enumerate(spool.header.sequences())):
        if 0 < segment_sequence < sequence:
            continue
        start = spool.start_of(segment)
        is_used = any(spool.memory[start : start + HEAD.size])
        frames = spool.memory[start : start + spool.segment_size] if is_used else b""
        first = at = offset if segment_sequence == sequence else 0
        while at + HEAD.size <= len(frames):
            parts = HEAD.unpack_from(frames, at)
            if not parts[0]:
                break
            oldest = parts[6] if oldest is None else oldest
            rows += 1
            at += HEAD.size + parts[0] + CHECKSUM_SIZE
        used += at - first
    return rows, used, oldest
