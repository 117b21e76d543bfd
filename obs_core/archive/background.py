"""Starts the sealer for a log that has grown long, again and again, as a child of the watcher."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from obs_core import subprocesses
from obs_core.archive.limits import Limits
from obs_core.archive.manifest import NAME, Manifest, folder_of
from obs_core.errors import ObsError
from obs_core.store import foreign, sqlite

LEAST_ROWS: Final = 200_000
"""A shorter log is not sealed: its mirror answers as quickly."""
EVERY_S: Final = 60.0
_END_S: Final = 5.0


class BackgroundSealer:
    """Runs at most one sealer at a time; a context manager that ends it."""

    def __init__(
        self,
        report: Callable[[str], None],
        *,
        least_rows: int = LEAST_ROWS,
        every_s: float = EVERY_S,
        options: Sequence[str] = (),
    ) -> None:
        """A sealer that has not been started; `report` gets its errors, each once. `options` are passed to it."""
        self._report, self._options = report, options
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
        """Start the sealer if there is something to seal and none is running; called often, by the watcher's loop."""
        del now_ns
        if time.monotonic() < self._next_s or (self._child and self._child.poll() is None):
            return
        self._next_s = time.monotonic() + self._every_s
        try:
            if not is_due(log, self._least_rows, forward_rows=self._forward_rows()):
                return
        except (ObsError, sqlite.Error, OSError):
            return  # the loop itself reports a log that can't be read; `archive verify` a damaged manifest
        command = subprocesses.command("obs_core.archive.sealer", str(log), *self._options)
        environment = subprocesses.environment(OBS_DISABLED="1")
        self._child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )
        threading.Thread(target=self._follow, args=(self._child,), daemon=True).start()

    def _forward_rows(self) -> int:
        return min(Limits().forward_rows, self._least_rows)

    def _follow(self, child: "subprocess.Popen[bytes]") -> None:
        """Read what the sealer says until it ends, and report its error."""
        assert child.stdout
        error = ""
        with child.stdout:
            for line in child.stdout:
                said = json.loads(line)
                error = f"{said['error']} {said['hint']}" if "error" in said else error
        if error and error != self._reported:
            self._report(f"The log could not be sealed: {error}")
        self._reported = error


def is_due(log: Path, least_rows: int, *, forward_rows: int) -> bool:
    """Whether a sealer has something to do: new or older rows, or rows that were superseded.

    Raises:
        ObsError: the log or the manifest can't be read.
    """
    with closing(sqlite.connect(log)) as connection:
        if not foreign.shape(connection, log).native:
            return False
        ends = "SELECT (SELECT min(id) FROM data_trace), (SELECT max(id) FROM data_trace)"
        lowest, newest = connection.execute(ends).fetchone()
        if newest is None or newest - lowest < least_rows:
            return False
        folder = folder_of(log)
        if not (folder / NAME).exists():
            return True
        with Manifest(folder) as manifest:
            sealed = manifest.sealed()
        if sealed is None or sealed.from_id >= lowest or newest - sealed.until_id >= forward_rows:
            return True
        statement = "SELECT count(*) FROM superseded WHERE id > ? AND id <= ?"
        count = connection.execute(statement, (sealed.from_id, sealed.until_id)).fetchone()[0]
        return bool(newest < sealed.until_id or count != sealed.superseded)
