"""Recovery: moves the spools of dead processes (on request also of living ones) into the log."""

import mmap
import os
import time
from pathlib import Path

from obs_core.capture.drain.drain import Drain
from obs_core.capture.spool.frames import Frame, parse, parse_between
from obs_core.capture.spool.header import HEADER_SIZE, Header
from obs_core.capture.spool.spool import FIRST_SEGMENT, SUFFIX
from obs_core.process_identity import pid_namespace


class OrphanSpool:
    """A spool that another process made."""

    def __init__(self, path: Path, *, write: bool = True) -> None:
        """Map the spool at `path`; read-only unless `write`.

        Raises:
            OSError: it was deleted, or this process may not write it.
            ValueError: it is not a complete spool.
        """
        self.path = path
        self.name = path.name.removesuffix(SUFFIX)
        descriptor = os.open(path, os.O_RDWR if write else os.O_RDONLY)
        try:
            self.memory = mmap.mmap(descriptor, 0, access=mmap.ACCESS_WRITE if write else mmap.ACCESS_READ)
        finally:
            os.close(descriptor)
        self.header = Header(self.memory)
        if len(self.memory) < HEADER_SIZE or not self.header.is_valid:
            self.memory.close()
            raise ValueError(f"{path} is not a spool")
        self.segment_size = self.header.segment_size
        self._sites: dict[int, bytes] = {}
        self.is_dead = False

    def site_key(self, site_id: int) -> bytes | None:
        """The marshalled site with this id."""
        if site_id not in self._sites:
            site_frames = parse(self.memory[HEADER_SIZE:FIRST_SEGMENT], 0, FIRST_SEGMENT)[0]
            self._sites = {frame[0]: frame[-1] for frame in site_frames}
        return self._sites.get(site_id)

    def number_orphan_segments(self) -> None:
        """The owner is dead: number the segments that were written to before they got a sequence number."""
        self.is_dead = True
        sequences = [self.header.sequence(segment) for segment in range(self.header.segments)]
        for segment, sequence in enumerate(sequences):
            start = FIRST_SEGMENT + segment * self.segment_size
            if not sequence and any(self.memory[start : start + 8]):
                sequences[segment] = max(sequences) + 1
                self.header.set_sequence(segment, sequences[segment])

    def read(self, position: int, limit: int) -> tuple[list[Frame], int]:
        """At most `limit` frames from `position` on, and the position after them."""
        if not self.segment_size:  # only the status of a writer that kept its rows in memory
            return [], position
        sequence, offset = divmod(position, self.segment_size)
        sequences = {self.header.sequence(segment): segment for segment in range(self.header.segments)}
        if sequence not in sequences:
            later = [number for number in sequences if number > sequence]
            return [], min(later) * self.segment_size if later and self.is_dead else position
        segment = sequences[sequence]
        sealed = self.is_dead or self.header.is_sealed(segment)
        start = FIRST_SEGMENT + segment * self.segment_size
        frames, end, _ = parse_between(self.memory, start + offset, start + self.segment_size, limit)
        if frames:
            return frames, sequence * self.segment_size + end - start
        later_exists = any(number > sequence for number in sequences)
        return [], (sequence + 1) * self.segment_size if sealed and later_exists else position

    def release(self, position: int) -> None:
        """Do nothing: only the owner may clear its segments; the file of a dead one is deleted as a whole."""

    def close(self) -> None:
        """Unmap the spool."""
        self.memory.close()


def recover(folder: str, log: Path, *, skip: str = "", live: bool = False) -> int:
    """Move the rows of dead writers' spools in `folder` into `log`, delete the spools, and return the number of rows.

    With `live`, also move the rows of living writers and keep their spools. The spool named `skip` is not touched.
    """
    moved = 0
    for path in sorted(Path(folder).glob(f"*{SUFFIX}")):
        if path.name == skip + SUFFIX:
            continue
        try:
            spool = OrphanSpool(path)
        except (OSError, ValueError):
            _remove_unfinished(path)
            continue
        try:
            moved += _drain_spool(spool, log, live=live)
        finally:
            spool.close()
    return moved


def _drain_spool(spool: OrphanSpool, log: Path, *, live: bool) -> int:
    header, namespace, now = spool.header, pid_namespace(), time.time_ns()
    dead = not header.owner_is_alive(namespace, now)
    owner_holds = header.lease_pid == header.pid
    if not dead and not live:
        return 0
    if not header.lease_is_free(namespace, now) and not (owner_holds and live):
        return 0
    if dead:
        spool.number_orphan_segments()
    drain = Drain(spool, log)
    drain.take_lease()
    moved = 0
    while batch := drain.step():
        moved += batch
    header.recovered += moved
    complete = not spool.read(drain.position, 1)[0] and drain.breaker.state == "closed"
    if dead and complete:
        spool.path.unlink(missing_ok=True)
        drain.remove_position()
    header.lease_pid = 0
    drain.close()
    return moved


def _remove_unfinished(path: Path) -> None:
    """Delete the spool of a process that died while it made it: without a complete header it never held a frame."""
    try:
        if time.time() - path.stat().st_mtime > 3600:  # noqa: PLR2004 - an hour: making one takes milliseconds
            path.unlink()
    except OSError:
        return
