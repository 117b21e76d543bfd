"""The saved streaks of a log: written now and then, and used after a restart if they match the ledger."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar

from obs_core.alerts.evaluate import checks
from obs_core.alerts.evaluate.evaluator import Evaluator
from obs_core.alerts.rules.model import Rule
from obs_core.errors import LogUnreadable, ObsError
from obs_core.series import snapshot
from obs_core.series.snapshot import SeriesSnapshot
from obs_core.store import sqlite

Result = TypeVar("Result")

_RETRY_S: Final = 30.0
SAVE_EVERY: Final = 50_000
"""While rows arrive, streaks are saved once per this number of rows. At 5,000 rows/s over 10,000 series, saving at
every tick of half a second would write 2,500 of them in 30 ms. A watcher that was killed reads this many rows again,
which takes half a second."""


class Checkpoint:
    """The open snapshot file of one log; call `close` when done.

    It can be rebuilt, so an error of the file stops nothing: `error` says why streaks are not saved. After a while the
    file is written again, with all series.
    """

    def __init__(self, log: Path) -> None:
        """Open the file, or create it."""
        self.error: ObsError | None = None
        self._path = snapshot.path_of(log)
        self._file: sqlite.Connection | None = None
        self._log = log
        self._saved_id = -1
        self._is_behind = False  # after an error some changes are not in the file
        self._retry_s = 0.0
        self._open()

    def _open(self) -> None:
        try:
            self._file = snapshot.open_series(self._log)
        except (ObsError, OSError) as error:
            self._give_up(error)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def clear(self) -> None:
        """Delete the saved streaks."""
        self._saved_id = -1
        self._run(snapshot.clear)

    def load(self, rules: list[Rule], up_to_id: int) -> SeriesSnapshot:
        """The saved streaks, or an empty snapshot if they are of no use.

        They are of use if they are not ahead of the ledger (evaluated up to the id `up_to_id`) and contain what `rules`
        need.
        """
        empty = SeriesSnapshot(0, frozenset(), {})
        try:
            saved = self._run(snapshot.load)
        except (ValueError, EOFError, TypeError):  # damaged: rebuild
            saved = None
        if saved is None or saved.id > up_to_id or not saved.needs >= checks.needs(rules):
            self.clear()
            return empty
        self._saved_id = saved.id
        return saved

    def save(self, evaluator: Evaluator, at_id: int, *, every: int = 0) -> None:
        """Save the series that have changed up to the id `at_id`, at most once per `every` rows."""
        if self._file is None and monotonic() >= self._retry_s:
            self._open()
        if self._file is None or (at_id - self._saved_id < every and not self._is_behind):
            return
        if self._is_behind:
            self.clear()
            changed = evaluator.series.drain_changed(everything=True)
        else:
            changed = evaluator.series.drain_changed()
        if changed or at_id != self._saved_id:
            self._saved_id = at_id
            self._run(lambda file: snapshot.save(file, at_id, checks.needs(evaluator.rules), changed))
        if self._file is not None:
            self._is_behind, self.error = False, None

    def _run(self, do: Callable[[sqlite.Connection], Result]) -> Result | None:
        """The result of `do`; None if the file can't be used, now or any longer."""
        if self._file is None:
            return None
        try:
            return do(self._file)
        except sqlite.Error as error:
            self._give_up(sqlite.translate_error(error, self._path))
            return None

    def _give_up(self, error: ObsError | OSError) -> None:
        """Continue without the file: some changes are missing in it now, so all of it is written again, later."""
        if not isinstance(error, ObsError):
            error = LogUnreadable(f"{self._path} can't be written: {error.strerror}.", "Check its permissions.")
        hint = f"The watcher tries again in {_RETRY_S:.0f} s; after a restart it reads the log again instead."
        self.error = LogUnreadable(f"Streaks are not saved: {error.message} {error.hint}".strip(), hint)
        self.close()
        self._is_behind = True
        self._retry_s = monotonic() + _RETRY_S
