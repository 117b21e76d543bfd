"""Starts the sealer of the shared lake, and its upkeep, again and again, as children of the watcher."""

import json
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from obs_core import subprocesses
from obs_core.clock import SECOND
from obs_core.errors import ObsError
from obs_core.lake import progress
from obs_core.store import sqlite

SETTLE_S: Final = 60.0
"""A row is written when it was in the log for this time: most that are superseded are superseded within it."""
EVERY_S: Final = 60.0
MANY_ROWS: Final = 50_000
"""So many settled rows are written at once."""
IDLE_S: Final = 300.0
"""How often a log without new rows says that it is complete, and deletes rows that were superseded late."""
UPKEEP_EVERY_S: Final = 600.0
_SILENT_S: Final = 600.0
_SAMPLE_S: Final = 2.0
_END_S: Final = 5.0


class _Seen(NamedTuple):
    """The newest id of the log at a time."""

    at_s: float
    time_ns: int
    newest_id: int


class BackgroundLake:
    """Runs at most one child at a time; a context manager that ends it."""

    def __init__(
        self,
        report: Callable[[str], None],
        store: str,
        *,
        settle_s: float = SETTLE_S,
        every_s: float = EVERY_S,
        upkeep_s: float = UPKEEP_EVERY_S,
        options: Sequence[str] = (),
    ) -> None:
        """Nothing is started yet; `report` gets the errors, each once. `store` is the lake as `progress` names it."""
        self._report, self._store, self._options = report, store, options
        self._settle_s, self._every_s, self._upkeep_s = settle_s, every_s, upkeep_s
        self._seen: deque[_Seen] = deque()
        self._settled: _Seen | None = None
        self._sealed_s, self._upkept_s, self._sampled_s = float("-inf"), time.monotonic(), float("-inf")
        self._started_id = -1
        self._active_s = 0.0
        self._child: subprocess.Popen[bytes] | None = None
        self._reported: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the child: what it has not committed is written again by the next one."""
        if self._child:
            self._child.kill()
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(_END_S)

    def after_tick(self, log: Path, now_ns: int) -> None:
        """Start a child if one is due and none is running; called often, by the watcher's loop."""
        now_s = time.monotonic()
        if now_s >= self._sampled_s + min(_SAMPLE_S, self._settle_s):
            self._sampled_s = now_s
            self._sample(log, now_s, now_ns)
        if self._child and self._child.poll() is None:
            if now_s > self._active_s + _SILENT_S:
                self._child.kill()  # it waits for a server that does not answer
            return
        if now_s >= self._upkept_s + self._upkeep_s:
            self._upkept_s = now_s
            self._start("kept up", "obs_core.lake.upkeep")
        elif self._settled and self._is_due(log, self._settled, now_s):
            self._sealed_s, self._started_id = now_s, self._settled.newest_id
            settled = (f"--settled-id={self._settled.newest_id}", f"--settled-ns={self._settled.time_ns}")
            self._start("written", "obs_core.lake.sealer", str(log), *settled, *self._options)

    def _sample(self, log: Path, now_s: float, now_ns: int) -> None:
        with suppress(ObsError, sqlite.Error), closing(sqlite.connect(log)) as connection:
            newest = connection.execute("SELECT max(id) FROM data_trace").fetchone()[0] or 0
            if self._seen and newest < self._seen[-1].newest_id:
                self._seen.clear()  # another log
                self._settled, self._started_id = None, -1
            self._seen.append(_Seen(now_s, now_ns - SECOND, newest))  # a second for rows on their way into the log
        while self._seen and self._seen[0].at_s <= now_s - self._settle_s:
            self._settled = self._seen.popleft()

    def _is_due(self, log: Path, settled: _Seen, now_s: float) -> bool:
        if settled.newest_id - self._started_id >= MANY_ROWS and self._started_id >= 0:
            return True
        is_new = settled.newest_id > progress.until_id(log, self._store)
        return now_s >= self._sealed_s + (self._every_s if is_new else max(self._every_s, IDLE_S))

    def _start(self, verb: str, module: str, *arguments: str) -> None:
        self._active_s = time.monotonic()
        self._child = subprocess.Popen(
            subprocesses.command(module, *arguments),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=subprocesses.environment(OBS_DISABLED="1"),
            start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._follow, args=(self._child, verb), daemon=True).start()

    def _follow(self, child: "subprocess.Popen[bytes]", verb: str) -> None:
        """Read what the child says until it ends, and report its error."""
        assert child.stdout
        error = ""
        with child.stdout:
            for line in child.stdout:
                self._active_s = time.monotonic()
                said = json.loads(line)
                error = f"{said['error']} {said['hint']}" if "error" in said else error
        if error and error != self._reported.get(verb):
            self._report(f"The shared lake could not be {verb}: {error}")
        self._reported[verb] = error
