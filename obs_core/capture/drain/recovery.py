"""The spools of other processes: those of dead ones are moved into the log and removed, living ones when asked."""

import mmap
import os
import time
from pathlib import Path

from obs_core.capture.drain.drain import Drain
from obs_core.capture.spool.frames import Event, parse, parse_between
from obs_core.capture.spool.header import HEADER_SIZE, Header
from obs_core.capture.spool.spool import FIRST_SEGMENT, SUFFIX
from obs_core.process_identity import own_space


class OrphanSpool:
    """A spool that another process made."""

    def __init__(self, path: Path, *, write: bool = True) -> None:
        """Map the spool at `path`, only to be read unless `write`.

        Raises:
            OSError: it is gone, or not ours to write.
            ValueError: it is no finished spool.
        """
        self.path = path
        self.name = path.name.removesuffix(SUFFIX)
        descriptor = os.open(path, os.O_RDWR if write else os.O_RDONLY)
        try:
            self.memory = mmap.mmap(descriptor, 0, access=mmap.ACCESS_WRITE if write else mmap.ACCESS_READ)
        finally:
            os.close(descriptor)
        self.header = Header(self.memory)
        if len(self.memory) < HEADER_SIZE or not self.header.is_spool:
            self.memory.close()
            raise ValueError(f"{path} is no spool")
        self.segment_size = self.header.segment_size
        self._sites: dict[int, bytes] = {}
        self.is_dead = False

    def site(self, number: int) -> bytes | None:
        """The marshalled site of this number."""
        if number not in self._sites:
            told = parse(self.memory[HEADER_SIZE:FIRST_SEGMENT], 0, FIRST_SEGMENT)[0]
            self._sites = {event[0]: event[-1] for event in told}
        return self._sites.get(number)

    def bury(self) -> None:
        """Its owner is dead: give a place to the segments that were written to before they had one."""
        self.is_dead = True
        places = [self.header.sequence(segment) for segment in range(self.header.segments)]
        for segment, place in enumerate(places):
            start = FIRST_SEGMENT + segment * self.segment_size
            if not place and any(self.memory[start : start + 8]):
                places[segment] = max(places) + 1
                self.header.set_sequence(segment, places[segment])

    def read(self, position: int, limit: int) -> tuple[list[Event], int]:
        """At most `limit` rows from `position` on, and the position behind them."""
        if not self.segment_size:  # only the status of a writer whose rows were in memory
            return [], position
        place, offset = divmod(position, self.segment_size)
        places = {self.header.sequence(segment): segment for segment in range(self.header.segments)}
        if place not in places:
            later = [each for each in places if each > place]
            return [], min(later) * self.segment_size if later and self.is_dead else position
        segment = places[place]
        sealed = self.is_dead or self.header.is_sealed(segment)
        start = FIRST_SEGMENT + segment * self.segment_size
        found, end, _ = parse_between(self.memory, start + offset, start + self.segment_size, limit)
        if found:
            return found, place * self.segment_size + end - start
        later_exists = any(each > place for each in places)
        return [], (place + 1) * self.segment_size if sealed and later_exists else position

    def release(self, position: int) -> None:
        """Only the owner may clear its segments; a dead one's file is removed as a whole."""

    def close(self) -> None:
        """Unmap it."""
        self.memory.close()


def recover(folder: str, log: Path, *, but: str = "", live: bool = False) -> int:
    """Move the rows of dead writers' spools in `folder` into `log`, and remove the spools; return how many rows.

    With `live` also those of living ones, which go on. The spool named `but` is left alone.
    """
    moved = 0
    for path in sorted(Path(folder).glob(f"*{SUFFIX}")):
        if path.name == but + SUFFIX:
            continue
        try:
            found = OrphanSpool(path)
        except (OSError, ValueError):
            _remove_unfinished(path)
            continue
        try:
            moved += _drained(found, log, live=live)
        finally:
            found.close()
    return moved


def _drained(found: OrphanSpool, log: Path, *, live: bool) -> int:
    header, space, now = found.header, own_space(), time.time_ns()
    dead = not header.owner_lives(space, now)
    owner_holds = header.lease_pid == header.pid
    if not dead and not live:
        return 0
    if not header.lease_is_free(space, now) and not (owner_holds and live):
        return 0
    if dead:
        found.bury()
    drain = Drain(found, log)
    drain.take_lease()
    moved = 0
    while batch := drain.step():
        moved += batch
    header.recovered += moved
    complete = not found.read(drain.position, 1)[0] and drain.breaker.state == "closed"
    if dead and complete:
        found.path.unlink(missing_ok=True)
        drain.forget()
    header.lease_pid = 0
    drain.close()
    return moved


def _remove_unfinished(path: Path) -> None:
    """A process that died while it made its spool leaves a file without a header; nothing was ever in it."""
    try:
        if time.time() - path.stat().st_mtime > 3600:  # noqa: PLR2004 - an hour: making one takes milliseconds
            path.unlink()
    except OSError:
        return
