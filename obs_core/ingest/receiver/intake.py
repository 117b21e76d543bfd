"""Stores received batches whole in the spool; the drain moves them into the log.

One thread at a time stores a batch, and the drain only frees space, so a batch that has space at the start is stored
whole. The spool survives the end of this process, also by kill -9.
"""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from obs_core.capture.drain import recovery
from obs_core.capture.options import MEBIBYTE, Options
from obs_core.capture.spool.frames import ready_frame
from obs_core.capture.spool.spool import Spool, segments_of
from obs_core.capture.spool_writer import Writer
from obs_core.ingest.formats.rows import Refused
from obs_core.ingest.receiver.responses import Refusal
from obs_core.model import Row
from obs_core.paths import folder_of

BEHIND_ABOVE: Final = 0.8  # of the spool, as for the state DELAYED
_FAILURES: Final = 4  # in a row, with pauses of 0.5, 1, 2, 4 s: the spool absorbs a long lock
_LONGEST_PAUSE_S: Final = 30
_BATCH: Final = 512
_REASONS: Final = 3  # that are reported for rejected parts
_PIECE: Final = 64 * 1024  # one copy into the spool; at most a sixteenth of a segment stays unused after the last


@dataclass(slots=True)
class Stored:
    """The result for one batch: the rows in the spool, the number of rejected parts, and the first reasons."""

    rows: int = 0
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)
    further: bool = False

    def reject(self, part: Refused) -> None:
        """Count a part that is not stored."""
        self.rejected += part.parts
        if part.why not in self.reasons:
            if len(self.reasons) < _REASONS:
                self.reasons.append(part.why)
            else:
                self.further = True

    def why(self) -> str:
        """Why parts were rejected, in a sentence for the sender's log."""
        return "; ".join(self.reasons) + ("; and for other reasons" if self.further else "")


class Intake:
    """The spool of a receiver, created with the first batch."""

    def __init__(self, options: Options) -> None:
        """Rows go into the log of `options`."""
        self._options = options
        self._writer: Writer | None = None

    @property
    def descriptors(self) -> int:
        """How many file descriptors the spool needs."""
        return segments_of(int(self._options.spool_mb * MEBIBYTE))[0] + 2

    def recover(self) -> int:
        """Move the spools of earlier receivers, and of any dead program, into the log."""
        log = Path(self._options.log).absolute()
        return recovery.recover(folder_of(self._options.log), log)

    def behind(self) -> Refusal | None:
        """Why nothing can be accepted now, and when to retry; None if all is well."""
        if self._writer is None:
            return None
        spool, breaker = self._writer.spool, self._writer.drain.breaker
        if not isinstance(spool, Spool):
            return Refusal(503, f"Rows can't be stored safely: {spool.header.last_error}.", 5)
        if breaker.state != "closed" and breaker.failures >= _FAILURES:
            pause = math.ceil(breaker.retry_at - time.monotonic())
            said = f"The log can't be written: {spool.header.last_error}."
            return Refusal(503, said, min(max(pause, 1), _LONGEST_PAUSE_S))
        if self.fill > BEHIND_ABOVE:
            return Refusal(503, f"The spool is {self.fill:.0%} full; the log is being written.", 1)
        return None

    @property
    def fill(self) -> float:
        """The share of the spool that is not drained yet."""
        spool = self._writer and self._writer.spool
        return (spool.end() - spool.header.position) / spool.capacity if isinstance(spool, Spool) else 0.0

    def opened(self) -> Spool:
        """The spool; if it could not be created, on a full disk, this tries again.

        Raises:
            Refusal: 503, nothing can be accepted now.
        """
        if self._writer is None or not isinstance(self._writer.spool, Spool):
            self.close()
            self._writer = Writer(self._options._replace(drain=True), drains=True)
        if (behind := self.behind()) is not None:
            raise behind
        assert isinstance(self._writer.spool, Spool)
        return self._writer.spool

    def put(self, parts: Iterable[Row | Refused], now_ns: int) -> Stored:
        """Store the rows of a batch; rows that are too large for any spool are rejected like parts that are no rows.

        No frame is written before all of them are made, and at most as many as the spool can hold.

        Raises:
            Refusal: 503, nothing was stored; or 413, it would never fit.
        """
        spool = self.opened()
        stored = Stored()
        pieces: list[bytes] = []
        size = 0
        for piece in _pieces(_frames(parts, now_ns, spool.segment_size, stored)):
            pieces.append(piece)
            size += len(piece)
            if size > spool.capacity:
                raise _never_fits()
        if not spool.fits(map(len, pieces), once_drained=True):
            raise _never_fits()
        if not spool.fits(map(len, pieces)) or not all(map(spool.write, pieces)):
            raise Refusal(503, "The spool has no room for the batch now; the log is being written.", 1)
        return stored

    def close(self) -> None:
        """Move the spool into the log; rows that can't be moved in time stay for the next receiver."""
        if self._writer is not None:
            self._writer.close(self._options.exit_s)
            self._writer = None


def _frames(parts: Iterable[Row | Refused], now_ns: int, largest: int, stored: Stored) -> Iterator[bytes]:
    """The frames of rows that are not larger than `largest`; all parts are counted in `stored`."""
    for part in _in_batches(parts):
        if not isinstance(part, Row):
            stored.reject(part)
            continue
        frame = ready_frame(part, now_ns)
        if len(frame) > largest:
            said = f"“{part.data[:50]}” has {len(frame):,} bytes, the spool takes {largest:,}"
            stored.reject(Refused(1, said))
            continue
        stored.rows += 1
        yield frame


def _in_batches(parts: Iterable[Row | Refused]) -> Iterator[Row | Refused]:
    """`parts`, made in advance in batches: making and storing them in turns takes 2 µs more for each."""
    remaining = iter(parts)
    while batch := list(islice(remaining, _BATCH)):
        yield from batch


def _never_fits() -> Refusal:
    return Refusal(413, "The batch is larger than the spool; send smaller batches, or raise OBS_SPOOL_MB.")


def _pieces(frames: Iterable[bytes]) -> Iterator[bytes]:
    """`frames` joined into pieces of about 64 KiB."""
    piece: list[bytes] = []
    size = 0
    for frame in frames:
        if piece and size + len(frame) > _PIECE:
            yield b"".join(piece)
            piece, size = [], 0
        piece.append(frame)
        size += len(frame)
    if piece:
        yield b"".join(piece)
