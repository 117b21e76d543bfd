"""Brings rules up to date with the log: new rules by a backfill, known rules from the ledger and the checkpoint."""

from pathlib import Path
from typing import NamedTuple

from obs_core.alerts import ledger
from obs_core.alerts.evaluate.alert_set import AlertSet
from obs_core.alerts.evaluate.evaluator import Evaluator
from obs_core.alerts.evaluate.failures import RowCounts
from obs_core.alerts.rules.model import CodeLocator, Rule
from obs_core.store import tail
from obs_core.watch.backfill import BackfillRange, evaluate_history
from obs_core.watch.batches import BATCH, Held, Progress, Source, feed
from obs_core.watch.checkpoint import Checkpoint
from obs_core.watch.recorder import Recorder


class Position(NamedTuple):
    """An evaluator, and the id of the last row it has evaluated."""

    evaluator: Evaluator
    at_id: int


class History:
    """The past of one log, for rules that start or continue."""

    def __init__(
        self,
        log: Path,
        source: Source,
        recorder: Recorder,
        checkpoint: Checkpoint,
        *,
        code_of: CodeLocator,
        progress: Progress,
        max_series: int | None = None,
    ) -> None:
        """Read from `source`; record in `recorder` and `checkpoint`."""
        self._max_series = max_series
        self._log, self._source = log, source
        self._recorder, self._checkpoint = recorder, checkpoint
        self._code_of, self._progress = code_of, progress
        self.counts = RowCounts()
        self.alone: set[Rule] = set()
        """Rules that share no check with others, because one of their family raised an error."""

    def evaluator_of(self, rules: list[Rule], now_ns: int, held: Held) -> Position:
        """An evaluator of `rules` that continues where the ledger ends; new rules are evaluated over the log first."""
        ranges = ledger.evaluated_ranges(self._recorder.ledger)
        position = self._backfill([rule for rule in rules if rule.name not in ranges], now_ns, held)
        return position if position is not None and position.evaluator.rules == rules else self.resume(rules, now_ns)

    def _backfill(self, new: list[Rule], now_ns: int, held: Held) -> Position | None:
        """Evaluate new rules up to where the others are, and record all of it at once, or nothing.

        The evaluator can continue if there are no other rules.
        """
        if not new:
            return None
        ranges = ledger.evaluated_ranges(self._recorder.ledger).values()
        up_to_id = max((evaluated.up_to_id for evaluated in ranges), default=0)
        newest = tail.newest_id(*self._source)
        up_to_id = min(up_to_id, newest) if newest and up_to_id else newest
        evaluated_ns = max((evaluated.evaluated_ns for evaluated in ranges), default=now_ns)
        history = BackfillRange(self._log, up_to_id, now_ns, evaluated_ns)
        evaluator, output = evaluate_history(
            self._source,
            new,
            history,
            held=held,
            code_of=self._code_of,
            progress=self._progress,
            alone=self.alone,
            counts=self.counts,
            max_series=self._max_series,
        )
        self._recorder.record(output, new, up_to_id, evaluated_ns)
        if ranges:
            return None
        self._checkpoint.clear()
        self._checkpoint.save(evaluator, up_to_id)  # saves a second pass over the log, which would rebuild the streaks
        if evaluator.rules != new:
            return None
        self._recorder.up_to_id = up_to_id
        return Position(evaluator, up_to_id)

    def resume(self, rules: list[Rule], now_ns: int) -> Position:
        """Continue the evaluation of `rules` where the ledger ends, with the saved streaks."""
        ranges = self._recorder.evaluated_ranges(rules)
        up_to_id = max((evaluated.up_to_id for evaluated in ranges), default=0)
        saved = self._checkpoint.load(rules, up_to_id)
        connection = self._recorder.ledger
        alerts = AlertSet(rules, ledger.alert_rows(connection))
        seen = ledger.seen_exceptions(connection)
        known = saved.series.values()
        evaluator = Evaluator(
            rules,
            known,
            alerts,
            seen,
            self._code_of,
            alone=self.alone,
            counts=self.counts,
            max_series=self._max_series,
        )
        at_id = saved.id
        while at_id < up_to_id:
            at_id = feed(self._source, evaluator, at_id, up_to_id, now_ns, quiet_until=up_to_id)
            if up_to_id - saved.id > BATCH:
                self._progress("rebuilding streaks", at_id, up_to_id)
        evaluator.series.schedule_retry()
        if evaluator.reach_ns and up_to_id:
            self._fill_windows(evaluator, up_to_id, max(evaluated.evaluated_ns for evaluated in ranges))
        self._recorder.up_to_id = up_to_id
        self._checkpoint.save(evaluator, at_id)
        return Position(evaluator, at_id)

    def _fill_windows(self, evaluator: Evaluator, up_to_id: int, evaluated_ns: int) -> None:
        """Read the rows of the current windows again, as of the time of the last evaluation: windows are not saved."""
        start_ns = evaluated_ns - evaluator.reach_ns
        oldest_ns = tail.oldest_ns(*self._source)
        rows = tail.rows_from(*self._source, start_ns, up_to_id)
        evaluator.resume(rows, start_ns if oldest_ns is None else max(start_ns, oldest_ns), evaluated_ns)
