"""The saved streaks of a log: written now and then, and used after a restart if they match the ledger."""

from pathlib import Path
from typing import Final

from obs_core.alerts.evaluate import checks
from obs_core.alerts.evaluate.evaluator import Evaluator
from obs_core.alerts.rules.model import Rule
from obs_core.series import snapshot
from obs_core.series.snapshot import SeriesSnapshot

SAVE_EVERY: Final = 50_000
"""While rows arrive, streaks are saved once per this number of rows. At 5,000 rows/s over 10,000 series, saving at
every tick of half a second would write 2,500 of them in 30 ms. A watcher that was killed reads this many rows again,
which takes half a second."""


class Checkpoint:
    """The open snapshot file of one log; call `close` when done."""

    def __init__(self, log: Path) -> None:
        """Open the file, or create it.

        Raises:
            ObsError: the file can't be used.
        """
        self._file = snapshot.open_series(log)
        self._saved_id = -1

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def clear(self) -> None:
        """Delete the saved streaks."""
        snapshot.clear(self._file)
        self._saved_id = -1

    def load(self, rules: list[Rule], up_to_id: int) -> SeriesSnapshot:
        """The saved streaks, or an empty snapshot if they are of no use.

        They are of use if they are not ahead of the ledger (evaluated up to the id `up_to_id`) and contain what `rules`
        need.
        """
        empty = SeriesSnapshot(0, frozenset(), {})
        try:
            saved = snapshot.load(self._file)
        except (ValueError, EOFError, TypeError):  # damaged: rebuild
            self.clear()
            return empty
        if saved.id > up_to_id or not saved.needs >= checks.needs(rules):
            self.clear()
            return empty
        self._saved_id = saved.id
        return saved

    def save(self, evaluator: Evaluator, at_id: int, *, every: int = 0) -> None:
        """Save the series that have changed up to the id `at_id`, at most once per `every` rows."""
        if at_id - self._saved_id < every:
            return
        changed = evaluator.series.drain_changed()
        if changed or at_id != self._saved_id:
            self._saved_id = at_id
            snapshot.save(self._file, at_id, checks.needs(evaluator.rules), changed)
