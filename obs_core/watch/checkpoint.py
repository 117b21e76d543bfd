"""The streaks of a log as they are kept over a restart: saved now and then, taken up again if they fit the ledger."""

from pathlib import Path
from typing import Final

from obs_core.alerts.evaluate import checks
from obs_core.alerts.evaluate.evaluator import Evaluator
from obs_core.alerts.rules.model import Rule
from obs_core.series import snapshot
from obs_core.series.snapshot import SeriesSnapshot

SELDOM: Final = 50_000
"""While rows come, streaks are saved once in so many: at 5,000 rows/s over 10,000 series every tick of half a second
would save 2,500 of them in 30 ms. A watcher that was killed reads this many rows again, in half a second."""


class Checkpoint:
    """The derived data of one log, opened; `close` when done."""

    def __init__(self, log: Path) -> None:
        """Open or make them.

        Raises:
            ObsError: the file can't be used.
        """
        self._file = snapshot.open_series(log)
        self._id = -1

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def clear(self) -> None:
        """Forget all."""
        snapshot.clear(self._file)
        self._id = -1

    def known(self, rules: list[Rule], upto: int) -> SeriesSnapshot:
        """What was saved, if the ledger (judged to the id `upto`) is not behind it and it has what `rules` need."""
        nothing = SeriesSnapshot(0, frozenset(), {})
        try:
            known = snapshot.load(self._file)
        except (ValueError, EOFError, TypeError):  # damaged: built again
            self.clear()
            return nothing
        if known.id > upto or not known.needs >= checks.needs(rules):
            self.clear()
            return nothing
        self._id = known.id
        return known

    def save(self, judge: Evaluator, at: int, *, every: int = 0) -> None:
        """Keep what has changed up to the id `at`, once in `every` rows."""
        if at - self._id < every:
            return
        changed = judge.series.drain_changed()
        if changed or at != self._id:
            self._id = at
            snapshot.save(self._file, at, checks.needs(judge.rules), changed)
