"""Starts the sealer for a log that has grown long, and the pruner, again and again, as children of the watcher."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from obs_core import subprocesses
from obs_core.archive.limits import Keep, Limits
from obs_core.archive.manifest import NAME, Manifest, folder_of
from obs_core.clock import HOUR, MAX_NS
from obs_core.errors import ObsError
from obs_core.store import foreign, sqlite

LEAST_ROWS: Final = 200_000
"""A shorter log is not sealed: its mirror answers as quickly."""
EVERY_S: Final = 60.0
PRUNE_EVERY_S: Final = 600.0
"""How often the pruner starts if it had nothing to do the last time."""
_END_S: Final = 5.0


class Retention(NamedTuple):
    """What is kept of a log, and a function that says up to which id nobody needs its rows."""

    keep: Keep
    needed_id: Callable[[Path], int]
    more: Sequence[str] = ()

    def options(self, log: Path) -> list[str]:
        """The options of the pruner."""
        numbers = asdict(self.keep) | {"needed_id": self.needed_id(log)}
        return [f"--{name.replace('_', '-')}={number}" for name, number in numbers.items() if number is not None] + [
            *self.more
        ]


class SteadyClock:
    """Notices that the system's clock jumped ahead: for an hour then, the ages of rows say nothing."""

    def __init__(self) -> None:
        """A clock that was not compared yet."""
        self._offset_ns: int | None = None
        self._until_ns = -MAX_NS

    def has_jumped(self, now_ns: int, steady_ns: int) -> bool:
        """Whether `now_ns` ran away from `steady_ns`, which is never set and includes the time in suspension."""
        offset_ns = now_ns - steady_ns
        if self._offset_ns is not None and offset_ns - self._offset_ns > HOUR:
            self._until_ns = steady_ns + HOUR
        self._offset_ns = offset_ns
        return steady_ns < self._until_ns


def steady_ns() -> int:
    """A time in nanoseconds that nobody sets."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class BackgroundSealer:
    """Runs at most one sealer at a time; a context manager that ends it."""

    def __init__(
        self,
        report: Callable[[str], None],
        *,
        least_rows: int = LEAST_ROWS,
        every_s: float = EVERY_S,
        options: Sequence[str] = (),
        retention: "Retention | None" = None,
        others: bool = False,
    ) -> None:
        """A sealer that has not been started; `report` gets its errors, each once. `options` are passed to it.

        `others` says whether it seals logs that other programs made.
        """
        self._report, self._options = report, options
        self._retention, self._others = retention, others
        self._prune_s = 0.0
        self._clock = SteadyClock()
        self._least_rows, self._every_s = least_rows, every_s
        self._next_s = 0.0
        self._child: subprocess.Popen[bytes] | None = None
        self._reported = ""

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the sealer: what it has not finished is left out."""
        if self._child:
            self._child.kill()
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(_END_S)

    def after_tick(self, log: Path, now_ns: int) -> None:
        """Start the pruner or the sealer if it is due and none is running; called often, by the watcher's loop."""
        if time.monotonic() < self._next_s or (self._child and self._child.poll() is None):
            return
        self._next_s = time.monotonic() + self._every_s
        try:
            has_jumped = self._clock.has_jumped(now_ns, steady_ns())
            arguments = (None if has_jumped else self._pruner(log)) or self._sealer(log)
        except (ObsError, sqlite.Error, OSError):
            return  # the loop itself reports a log that can't be read; `archive verify` a damaged manifest
        if not arguments:
            return
        verb = "pruned" if arguments[0].endswith("pruner") else "sealed"
        environment = subprocesses.environment(OBS_DISABLED="1")
        self._child = subprocess.Popen(
            subprocesses.command(*arguments),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._follow, args=(self._child, verb), daemon=True).start()

    def _pruner(self, log: Path) -> list[str] | None:
        """The pruner's command, if its time has come."""
        if self._retention is None or time.monotonic() < self._prune_s or not (folder_of(log) / NAME).exists():
            return None
        self._prune_s = time.monotonic() + min(PRUNE_EVERY_S, 10 * self._every_s)
        with closing(sqlite.connect(log)) as connection:
            if not foreign.shape(connection, log).native:
                return None
        return ["obs_core.archive.pruner", str(log), *self._retention.options(log)]

    def _sealer(self, log: Path) -> list[str] | None:
        """The sealer's command, if it has something to do."""
        is_needed = is_due(log, self._least_rows, forward_rows=self._forward_rows(), others=self._others)
        return ["obs_core.archive.sealer", str(log), *self._options] if is_needed else None

    def _forward_rows(self) -> int:
        return min(Limits().forward_rows, self._least_rows)

    def _follow(self, child: "subprocess.Popen[bytes]", verb: str) -> None:
        """Read what the child says until it ends, and report its error; a pruner that had work starts again soon."""
        assert child.stdout
        error = ""
        with child.stdout:
            for line in child.stdout:
                said = json.loads(line)
                error = f"{said['error']} {said['hint']}" if "error" in said else error
                if str(said.get("action", "")).startswith(("deleted", "to be deleted")):
                    self._prune_s = time.monotonic() + self._every_s
        if error and error != self._reported:
            self._report(f"The log could not be {verb}: {error}")
        self._reported = error


def is_due(log: Path, least_rows: int, *, forward_rows: int, others: bool = False) -> bool:
    """Whether a sealer has something to do: new or older rows, or rows that were superseded.

    Logs that other programs made are sealed only with `others`.

    Raises:
        ObsError: the log or the manifest can't be read.
    """
    with closing(sqlite.connect(log)) as connection:
        shape = foreign.shape(connection, log)
        if not shape.native and not (others and shape.has_ids):
            return False
        ends = f"SELECT (SELECT min(id) FROM {shape.rows}), (SELECT max(id) FROM {shape.rows})"
        lowest, newest = connection.execute(ends).fetchone()
        folder = folder_of(log)
        if not (folder / NAME).exists():
            return newest is not None and newest - lowest >= least_rows
        with Manifest(folder) as manifest:
            sealed = manifest.sealed()
        if newest is None or (newest - lowest < least_rows and not (sealed and sealed.pruned_id)):
            return False
        if sealed is None or sealed.from_id >= lowest or newest - sealed.until_id >= forward_rows:
            return True
        statement = f"SELECT count(*) FROM {shape.superseded} WHERE id > ? AND id <= ?"
        count = connection.execute(statement, (sealed.from_id, sealed.until_id)).fetchone()[0]
        return bool(newest < sealed.until_id or count != sealed.superseded)
