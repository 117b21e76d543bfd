"""The watcher's loop: follows one log, tick by tick, until it is stopped; it needs no dashboard.

Each part of a tick fails alone: recovery of spools, the status of writers, the evaluation, notifications, saved
streaks. An error is reported and the part runs again, with a growing delay if it is the evaluation.
"""

import gc
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from obs_core import heartbeat
from obs_core.capture.drain import recovery, writer_status
from obs_core.capture.drain.writer_status import WriterStatus
from obs_core.clock import backoff, now_ns
from obs_core.errors import LogMissing, ObsError
from obs_core.paths import folder_of
from obs_core.store import role_lock
from obs_core.watch import status_file
from obs_core.watch.faults import Faults, Report
from obs_core.watch.follower import Follower, open_follower
from obs_core.watch.status_file import Fault

TICK_S: Final = 0.5
MAX_SERIES: Final = 200_000
_WAIT_S: Final = 2.0
_RETRY_S: Final = 20.0
_RECOVER_EVERY: Final = 10  # ticks: spools of dead processes are recovered every 5 s
AfterTick = Callable[[Path, int], Mapping[str, str] | None]
"""Called after each tick; may return what fails, by webhook."""


def watch(
    log: Path,
    stop: threading.Event,
    report: Report,
    after_tick: Sequence[AfterTick] = (),
    *,
    tick_s: float = TICK_S,
    max_series: int = MAX_SERIES,
) -> None:
    """Follow `log` until `stop`; if there is another watcher, report it and wait until it ends.

    `report` gets sentences for people. `after_tick` is called with the log and the time after each tick, to send
    notifications.
    """
    waiting = False
    faults = Faults(log, report)
    while not stop.is_set():
        heartbeat.beat()
        try:
            with role_lock.held(log, role_lock.WATCHER) as holder:
                faults.end("lock")
                if holder is None:
                    _Watch(log, faults, report, max_series).run(stop, after_tick, tick_s)
                    return
                if not waiting:
                    report(f"Another watcher (pid {holder}) follows {log}; waiting until it ends.")
                    waiting = True
        except ObsError as error:
            faults.failed("lock", error)
        stop.wait(_WAIT_S)


class _Watch:
    """The watcher of one log, which holds its lock."""

    def __init__(self, log: Path, faults: Faults, report: Report, max_series: int) -> None:
        self._log, self._faults, self._report = log, faults, report
        self._max_series = max_series
        self._progress = _Progress(report)
        self._follower: Follower | None = None
        self._failures, self._retry_s = 0, 0.0
        self._written: list[Fault] | None = None

    def run(self, stop: threading.Event, after_tick: Sequence[AfterTick], tick_s: float) -> None:
        """Run tick after tick until `stop`."""
        ticks = 0
        self._report(f"Following {self._log}")
        try:
            while not stop.is_set():
                heartbeat.beat()
                if ticks % _RECOVER_EVERY == 0:
                    with self._faults.isolated("recovery"):
                        recovery.recover(folder_of(str(self._log)), self._log, report=self._set_aside)
                self._tick(after_tick, tick_s)
                self._write_status()
                ticks += 1
                stop.wait(tick_s)
        finally:
            self._close()

    def _tick(self, after_tick: Sequence[AfterTick], tick_s: float) -> None:
        """Evaluate the new rows, send notifications, save the streaks."""
        if time.monotonic() < self._retry_s:
            return
        writers: list[WriterStatus] = []
        with self._faults.isolated("writers"):
            writers = writer_status.writers(self._log)
        rows = self._evaluate(writers, tick_s)
        follower = self._follower
        if follower is None:
            return
        self._faults.set_rules(follower.failed, follower.invalid)
        self._faults.set_rows(follower.counts)
        for callback in after_tick:
            with self._faults.isolated("notifications"):
                failing = callback(self._log, now_ns())
                if failing is not None:
                    self._faults.set_all("webhook ", failing)
        with self._faults.isolated("streaks"):
            follower.save(rows_arrived=rows > 0)
            if follower.streaks_error is not None:
                raise follower.streaks_error

    def _evaluate(self, writers: Sequence[WriterStatus], tick_s: float) -> int:
        """Evaluate the new rows; return how many there are. After an error, the follower is opened again, later."""
        try:
            if self._follower is None:
                self._follower = open_follower(self._log, self._progress, self._max_series)
                if self._follower is not None:
                    _first_tick(self._follower, writers)
            rows = 0 if self._follower is None else self._follower.tick(now_ns(), writers)
        except Exception as error:  # noqa: BLE001 - the watcher never stops
            self._faults.failed("evaluation", error)
            self._close()
            self._failures += 1
            delay_s = 0.0 if isinstance(error, LogMissing) else backoff(tick_s, _RETRY_S, self._failures)
            self._retry_s = time.monotonic() + delay_s
            return 0
        self._failures = 0
        self._faults.end("evaluation")
        return rows

    def _set_aside(self, text: str) -> None:
        """Report a spool that can not be read, and show it until the watcher ends."""
        self._faults.set(f"spool: {text}", text)

    def _close(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None

    def _write_status(self) -> None:
        current = self._faults.current()
        if current != self._written and (current or self._written is not None):
            with self._faults.isolated("status"):
                status_file.write(self._log, current)
            self._written = current


def _first_tick(follower: Follower, writers: Sequence[WriterStatus]) -> None:
    """Run the first tick without garbage collection: scanning 10,000 series, which all stay, took 0.3 s."""
    gc.disable()
    try:
        follower.tick(now_ns(), writers)
        gc.freeze()
    finally:
        gc.enable()


class _Progress:
    """Reports the progress of a long task, at most once a second."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._reported_at = time.monotonic()

    def __call__(self, task: str, done: int, total: int) -> None:
        heartbeat.beat()
        if time.monotonic() - self._reported_at >= 1 or done >= total:
            self._reported_at = time.monotonic()
            self._report(f"{task}: {done:,} of {total:,} rows ({done / total:.0%})")
