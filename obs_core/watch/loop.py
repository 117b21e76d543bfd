"""The watcher: follows one log, tick by tick, until it is told to stop; it needs no dashboard."""

import gc
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from obs_core.capture.drain import recovery, writer_status
from obs_core.clock import now_ns
from obs_core.errors import BadParameter, ObsError
from obs_core.paths import folder_of
from obs_core.watch import follower, lock

TICK_S: Final = 0.5
_WAIT_S: Final = 2.0
_RECOVER_EVERY: Final = 10  # ticks: the spools of dead processes are looked for each 5 s
_SAY_AGAIN_S: Final = 20.0
_log: Final = logging.getLogger(__name__)
AfterTick = Callable[[Path, int], None]


def watch(
    log: Path,
    stop: threading.Event,
    say: Callable[[str], None],
    after_tick: Sequence[AfterTick] = (),
    tick_s: float = TICK_S,
) -> None:
    """Follow `log` until `stop`; if another watcher does, say so and wait until it ends.

    `after_tick` is called with the log and the moment behind each tick: what tells others of the flips.
    """
    waits = False
    while not stop.is_set():
        with lock.held(log) as holder:
            if holder is None:
                _follow(log, stop, say, after_tick, tick_s)
                return
            if not waits:
                say(f"Another watcher (pid {holder}) follows {log}; waiting until it ends.")
                waits = True
        stop.wait(_WAIT_S)


def _follow(
    log: Path, stop: threading.Event, say: Callable[[str], None], after_tick: Sequence[AfterTick], tick_s: float
) -> None:
    progress = _Progress(say)
    said = ""
    said_at = 0.0
    ticks = 0
    follows: follower.Follower | None = None
    say(f"Following {log}")
    try:
        while not stop.is_set():
            try:
                if ticks % _RECOVER_EVERY == 0:
                    recovery.recover(folder_of(str(log)), log)
                if follows is None and (follows := follower.opened(log, progress)) is not None:
                    _begin(follows, log)
                if follows is not None:
                    rows = follows.tick(now_ns(), writer_status.writers(log))
                    for act in after_tick:
                        act(log, now_ns())
                    follows.keep(rows_come=rows > 0)
                trouble = ""
            except ObsError as error:
                trouble = f"{error.message} {error.hint}".strip()
                if follows is not None and not isinstance(error, BadParameter):
                    follows.close()
                    follows = None
            if trouble and (trouble != said or time.monotonic() - said_at > _SAY_AGAIN_S):
                say(trouble)
                said_at = time.monotonic()
            said = trouble
            ticks += 1
            stop.wait(tick_s)
    finally:
        if follows is not None:
            follows.close()


def _begin(follows: follower.Follower, log: Path) -> None:
    """The first tick; what it learns of 10,000 series stays, and took the garbage collector 0.3 s to look through."""
    gc.disable()
    try:
        follows.tick(now_ns(), writer_status.writers(log))
        gc.freeze()
    finally:
        gc.enable()


class _Progress:
    """Says how far something long has come, at most once a second."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said_at = time.monotonic()

    def __call__(self, what: str, done: int, whole: int) -> None:
        if time.monotonic() - self._said_at >= 1 or done >= whole:
            self._said_at = time.monotonic()
            self._say(f"{what}: {done:,} of {whole:,} rows ({done / whole:.0%})")
