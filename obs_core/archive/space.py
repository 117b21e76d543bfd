"""`<log>.d/space.json`: how large log and archive are and were, and how large they may be; for pages and `doctor`.

The watcher writes it once a minute. It says when the largest size is reached, at the rate of the last day.
"""

import itertools
import json
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from obs_core import safe_files
from obs_core.archive.manifest import NAME as MANIFEST
from obs_core.archive.manifest import Manifest
from obs_core.archive.manifest import folder_of as archive_of
from obs_core.clock import DAY, HOUR, MINUTE
from obs_core.errors import ObsError
from obs_core.paths import folder_of
from obs_core.process_identity import birth_of, pid_lives
from obs_core.store import sqlite

NAME: Final = "space.json"
SHARE: Final = 0.8
"""Of the disk: what log and archive may use without a setting; the rest is for the write-ahead log and others."""
EVERY_S: Final = 60.0
_APART_NS: Final = 10 * MINUTE  # between two samples; those of a day are stored
_LEAST_NS: Final = HOUR  # a rate from less says nothing
_MOST_NS: Final = 365 * DAY  # what is full later than this is not full soon
_FALL: Final = 0.99
_LARGEST: Final = 1_000_000


class Sample(NamedTuple):
    """The bytes that the rows of a log and its archive use at a time."""

    time_ns: int
    log_bytes: int
    archive_bytes: int

    @property
    def bytes(self) -> int:
        """Both together."""
        return self.log_bytes + self.archive_bytes


@dataclass(frozen=True, slots=True)
class Space:
    """The samples of the last day, oldest first; `max_bytes` is the largest size (None: the disk's).

    With `is_default` no setting gives the largest size; `free_bytes` are free on the disk.
    """

    samples: Sequence[Sample]
    max_bytes: int | None
    is_default: bool
    free_bytes: int

    @property
    def now(self) -> Sample:
        """The newest sample."""
        return self.samples[-1]

    @property
    def full_ns(self) -> int | None:
        """In how many nanoseconds the space is full at the rate of the samples; None if they do not say so."""
        first, last = self.samples[0], self.samples[-1]
        passed_ns, growth = last.time_ns - first.time_ns, last.bytes - first.bytes
        pairs = itertools.pairwise(self.samples)
        if passed_ns < _LEAST_NS or growth <= 0 or any(new.bytes < old.bytes * _FALL for old, new in pairs):
            return None  # what falls is kept small by retention
        left = self.free_bytes if self.max_bytes is None else min(self.max_bytes - last.bytes, self.free_bytes)
        full_ns = max(0, left) * passed_ns // growth
        return full_ns if full_ns <= _MOST_NS else None

    @property
    def full_text(self) -> str:
        """When the space is full, in a few words: "full in 9 days at this rate"; empty if that is not known."""
        if self.full_ns is None:
            return ""
        for unit_ns, name in ((DAY, "day"), (HOUR, "hour")):
            if (number := self.full_ns // unit_ns) >= 1:
                return f"full in {number:,} {name}{'s' if number > 1 else ''} at this rate"
        return "full in less than an hour at this rate"


class Recorder:
    """Takes a sample once a minute and writes it; `after_tick` is called often, by the watcher's loop."""

    def __init__(self, log: Path, max_bytes: int | None, *, is_default: bool) -> None:
        """A recorder that continues the samples of the watcher before; the size is as in `Space`."""
        self._max_bytes, self._is_default = max_bytes, is_default
        self._samples = list(samples(log))
        self._next_s = 0.0

    def after_tick(self, log: Path, now_ns: int) -> None:
        """Take a sample if it is time. A log that can't be read has none: the loop itself reports that."""
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + EVERY_S
        with suppress(ObsError, sqlite.Error, OSError):
            is_settled, sample = measure(log, now_ns)
            self._samples = with_sample(self._samples if is_settled else [], sample)
            self._write(log)

    def _write(self, log: Path) -> None:
        pid = os.getpid()
        content = {
            "pid": pid,
            "birth": birth_of(pid) or 0,
            "max_bytes": self._max_bytes,
            "is_default": self._is_default,
            "samples": self._samples,
        }
        safe_files.make_folder(_path(log).parent)
        safe_files.replace(_path(log), json.dumps(content).encode())


def default_max_bytes(log: Path) -> int:
    """The largest size without a setting: a share of log, archive and free space together, and at least what is used.

    So it is the same after a restart, and nothing is deleted at the start.
    """
    used = sum(_size(path) for path in (log, log.with_name(log.name + "-wal"), *archive_of(log).rglob("*")))
    return max(used, round(SHARE * (used + _free(log))))


def measure(log: Path, now_ns: int) -> tuple[bool, Sample]:
    """A sample, and whether it says how fast the log grows: an archive that is being made grows faster.

    Raises:
        ObsError: the log or the archive can't be read.
    """
    with closing(sqlite.connect(log)) as connection:
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
        if not (archive_of(log) / MANIFEST).exists():
            return True, Sample(now_ns, (pages - free) * size, 0)
        with Manifest(archive_of(log)) as manifest:
            sealed, archived = manifest.sealed(), sum(piece.bytes for piece in manifest.pieces())
        lowest = connection.execute("SELECT min(id) FROM data_trace").fetchone()[0]
    is_settled = sealed is not None and (lowest is None or sealed.from_id < lowest)
    return is_settled, Sample(now_ns, (pages - free) * size, archived)


def with_sample(earlier: Sequence[Sample], sample: Sample) -> list[Sample]:
    """The samples with a new one: those of the last day, some minutes apart, and none from the future."""
    recent = [one for one in earlier if sample.time_ns - DAY <= one.time_ns < sample.time_ns]
    if len(recent) > 1 and recent[-1].time_ns - recent[-2].time_ns < _APART_NS:
        recent.pop()
    return [*recent, sample]


def samples(log: Path) -> list[Sample]:
    """The samples of the last watcher of `log`; none if there was none."""
    content = _content(log)
    return content[1] if content else []


def read(log: Path) -> Space | None:
    """The space of `log` as the watcher that runs says; None without one."""
    content = _content(log)
    if content is None or not content[1] or not pid_lives(int(content[0]["pid"]), int(content[0]["birth"])):
        return None
    state, taken = content
    max_bytes = None if state["max_bytes"] is None else int(state["max_bytes"])
    return Space(taken, max_bytes, bool(state["is_default"]), _free(log))


def _content(log: Path) -> "tuple[dict[str, int], list[Sample]] | None":
    try:
        with os.fdopen(safe_files.open_file(_path(log)), "rb") as file:
            content = json.loads(file.read(_LARGEST))
        state = {name: content[name] for name in ("pid", "birth", "max_bytes", "is_default")}
        if not all(isinstance(cell, int | None) for cell in state.values()):
            return None
        return state, [Sample(*(int(cell) for cell in sample)) for sample in content["samples"]]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _path(log: Path) -> Path:
    return Path(folder_of(str(log))) / NAME


def _free(log: Path) -> int:
    """The free bytes of the disk of `log`, which need not exist."""
    parent = log.absolute().parent
    return shutil.disk_usage(next(folder for folder in (parent, *parent.parents) if folder.exists())).free


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
