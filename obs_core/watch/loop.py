"""The watcher's loop: follows one log, tick by tick, until it is stopped; it needs no dashboard."""

import gc
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from obs_core.capture.drain import recovery, writer_status
from obs_core.clock import now_ns
from obs_core.errors import BadParameter, ObsError
from obs_core.paths import folder_of
from obs_core.watch import lock
from obs_core.watch.follower import Follower, open_follower

TICK_S: Final = 0.5
_WAIT_S: Final = 2.0
_RECOVER_EVERY: Final = 10  # ticks: spools of dead processes are recovered every 5 s
_REPEAT_ERROR_S: Final = 20.0
AfterTick = Callable[[Path, int], None]
Report = Callable[[str], None]


def watch(
    log: Path, stop: threading.Event, report: Report, after_tick: Sequence[AfterTick] = (), tick_s: float = TICK_S
) -> None:
    """Follow `log` until `stop`; if there is another watcher, report it and wait until it ends.

    `report` gets sentences for people. `after_tick` is called with the log and the time after each tick, to send
    notifications.
    """
    waiting = False
    while not stop.is_set():
        with lock.held(log) as holder:
            if holder is None:
                _follow(log, stop, report, after_tick, tick_s)
                return
            if not waiting:
                report(f"Another watcher (pid {holder}) follows {log}; waiting until it ends.")
                waiting = True
        stop.wait(_WAIT_S)


def _follow(log: Path, stop: threading.Event, report: Report, after_tick: Sequence[AfterTick], tick_s: float) -> None:
    progress = _Progress(report)
    last_error = ""
    reported_at = 0.0
    ticks = 0
    follower: Follower | None = None
    report(f"Following {log}")
    try:
        while not stop.is_set():
            error_text = ""
            try:
                if ticks % _RECOVER_EVERY == 0:
                    recovery.recover(folder_of(str(log)), log, report=report)
                if follower is None and (follower := open_follower(log, progress)) is not None:
                    _first_tick(follower, log)
                if follower is not None:
                    rows = follower.tick(now_ns(), writer_status.writers(log))
                    for callback in after_tick:
                        callback(log, now_ns())
                    follower.save(rows_arrived=rows > 0)
            except ObsError as error:
                error_text = f"{error.message} {error.hint}".strip()
                if follower is not None and not isinstance(error, BadParameter):
                    follower.close()
                    follower = None
            if error_text and (error_text != last_error or time.monotonic() - reported_at > _REPEAT_ERROR_S):
                report(error_text)
                reported_at = time.monotonic()
            last_error = error_text
            ticks += 1
            stop.wait(tick_s)
    finally:
        if follower is not None:
            follower.close()


def _first_tick(follower: Follower, log: Path) -> None:
    """Run the first tick without garbage collection: scanning 10,000 series, which all stay, took 0.3 s."""
    gc.disable()
    try:
        follower.tick(now_ns(), writer_status.writers(log))
        gc.freeze()
    finally:
        gc.enable()


class _Progress:
    """Reports the progress of a long task, at most once a second."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._reported_at = time.monotonic()

    def __call__(self, task: str, done: int, total: int) -> None:
        if time.monotonic() - self._reported_at >= 1 or done >= total:
            self._reported_at = time.monotonic()
            self._report(f"{task}: {done:,} of {total:,} rows ({done / total:.0%})")
