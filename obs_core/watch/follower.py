"""Follows one log: evaluates its new rows by all rules, records the results, and saves its state.

The ledger is written first, with the id up to which rows were evaluated; the checkpoint (streaks) second. A watcher
that is killed between the two reads rows again that were evaluated already: they update the streaks and report nothing.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from obs_core import heartbeat
from obs_core.alerts.evaluate.alert_set import AlertSet
from obs_core.alerts.evaluate.evaluator import Evaluator, held_back
from obs_core.alerts.evaluate.failures import RowCounts, RuleFailed
from obs_core.alerts.rules import sources
from obs_core.alerts.rules.model import Rule, no_code
from obs_core.capture.drain.writer_status import WriterStatus
from obs_core.errors import BadParameter, LogMissing, ObsError
from obs_core.store import foreign, sqlite, tail
from obs_core.watch.batches import BATCH, Held, Progress, Source, feed
from obs_core.watch.checkpoint import SAVE_EVERY, Checkpoint
from obs_core.watch.code_annotations import CallLocator
from obs_core.watch.history import History, Position
from obs_core.watch.recorder import Recorder


def no_progress(_task: str, _done: int, _total: int) -> None:
    """Report no progress."""


class Follower:
    """An open log with its ledger and checkpoint; call `close` when done. `at_id` is the last row evaluated."""

    def __init__(self, log: Path, progress: Progress = no_progress, max_series: int | None = None) -> None:
        """Open the files; track at most `max_series` series (None: all).

        Raises:
            LogMissing: the log does not exist yet.
            ObsError: one of the files can't be used.
        """
        self.log = log
        self.at_id = 0
        self._progress = progress
        self._is_complete = True  # the evaluator has all rows up to `at_id`, and none after it
        self._connection = sqlite.connect(log)
        self._connection.set_progress_handler(heartbeat.beat, heartbeat.SQL_STEPS)
        self._inode = log.stat().st_ino
        try:
            self._source = Source(self._connection, foreign.shape(self._connection, log))
            self._recorder = Recorder(log)
            self._checkpoint = Checkpoint(log)
        except BaseException:
            self.close()
            raise
        code_of = CallLocator(self._connection) if self._source.shape.native else no_code
        self._history = History(
            log,
            self._source,
            self._recorder,
            self._checkpoint,
            code_of=code_of,
            progress=progress,
            max_series=max_series,
        )
        self._rules: list[Rule] | None = None
        self._rules_state: object = None
        self.failed: dict[Rule, str] = {}
        """Rules that are not evaluated until they are changed, because their check raised an error: this one."""
        self.invalid: dict[str, BadParameter] = {}
        """What is wrong with rules that can't be read, by name; their versions from before stay in effect."""
        self._valid: dict[str, Rule] = {}
        self._evaluator = Evaluator([], (), AlertSet([]))

    def close(self) -> None:
        """Save the streaks, and close the files."""
        with suppress(AttributeError, sqlite.Error):
            if (
                self._is_complete and self.at_id == self._recorder.up_to_id
            ):  # a checkpoint ahead of the ledger would be discarded
                self._checkpoint.save(self._evaluator, self.at_id)
        for name in ("_connection", "_recorder", "_checkpoint"):
            with suppress(AttributeError):
                getattr(self, name).close()

    def tick(self, now_ns: int, writers: Sequence[WriterStatus] = ()) -> int:
        """Evaluate the new rows and record the results; return how many rows were new.

        Raises:
            LogMissing: the file is not the one that was opened.
        """
        if not self.log.exists() or self.log.stat().st_ino != self._inode:
            message = f"{self.log} has been removed or replaced."
            raise LogMissing(message, "The watcher continues with the file that is there now.")
        while True:
            try:
                return self._tick(now_ns, writers)
            except RuleFailed as failure:
                self._isolate(failure)

    def _tick(self, now_ns: int, writers: Sequence[WriterStatus]) -> int:
        held = held_back(writers)
        self._update_rules(now_ns, held)
        newest = tail.newest_id(*self._source)
        if newest < self.at_id:
            self._start_over()
        start_id = self.at_id
        total = newest - start_id
        while self.at_id < newest:
            self._is_complete = False
            self.at_id = feed(self._source, self._evaluator, self.at_id, newest, now_ns, live=total <= BATCH, held=held)
            self._is_complete = True
            if total > BATCH:
                self._progress("following the log", self.at_id - start_id, total)
                time_ns = self._evaluator.clock_ns or now_ns
                self._recorder.tick(self._evaluator, self.at_id, time_ns, is_behind=True)
                self._checkpoint.save(self._evaluator, self.at_id, every=10 * SAVE_EVERY)
        self._evaluator.tick(now_ns, writers, held)
        self._recorder.tick(self._evaluator, self.at_id, now_ns)
        return total

    @property
    def streaks_error(self) -> ObsError | None:
        """Why the streaks are not saved; None if they are."""
        return self._checkpoint.error

    @property
    def counts(self) -> RowCounts:
        """The rows that were skipped or are unusual."""
        return self._history.counts

    def _isolate(self, failure: RuleFailed) -> None:
        """Continue from the last recorded position, with the rules of a failed check alone, or without the only one."""
        if len(failure.rules) == 1:
            self.failed[failure.rules[0]] = failure.text
        else:
            self._history.alone |= set(failure.rules)
        self._rules = self._rules_state = None

    def save(self, *, rows_arrived: bool) -> None:
        """Save the streaks, less often while rows arrive; call it after the results of a tick were sent."""
        self._checkpoint.save(self._evaluator, self.at_id, every=SAVE_EVERY if rows_arrived else 0)

    def _update_rules(self, now_ns: int, held: Held = frozenset()) -> None:
        """Read the rules; if they have changed, evaluate new ones over the whole log and continue with all of them."""
        state = sources.state(self.log, self._recorder.ledger)
        if state == self._rules_state and self._rules is not None:
            return
        rules, self.invalid = sources.read(self.log, self._recorder.ledger)
        valid = {rule.name: rule for rule in rules}
        for name, rule in self._valid.items():
            if name in self.invalid or (sources.WHOLE_FILE in self.invalid and rule.source == "file"):
                valid.setdefault(name, rule)
        self._valid = valid
        rules = [valid[name] for name in sorted(valid)]
        self._rules_state = state
        all_enabled = [rule for rule in rules if rule.enabled]
        self.failed = {rule: text for rule, text in self.failed.items() if rule in all_enabled}
        enabled = [rule for rule in all_enabled if rule not in self.failed]
        if enabled == self._rules:
            return
        if self._rules is not None:
            self._recorder.tick(self._evaluator, self.at_id, now_ns)
            self._checkpoint.save(self._evaluator, self.at_id)
        self._recorder.end_missing(all_enabled, now_ns, self.invalid)
        self._continue(self._history.evaluator_of(enabled, now_ns, held))

    def _continue(self, position: Position) -> None:
        self._evaluator, self.at_id = position
        self._is_complete = True
        self._rules = list(self._evaluator.rules)

    def _start_over(self) -> None:
        """Follow the log from its start: it was replaced or truncated. Recorded transitions stay."""
        self._checkpoint.clear()
        self._recorder.restart()
        self._rules = None
        self._update_rules(0)


def open_follower(log: Path, progress: Progress = no_progress, max_series: int | None = None) -> Follower | None:
    """A follower of `log`; None if the log does not exist yet."""
    try:
        return Follower(log, progress, max_series)
    except LogMissing:
        return None
