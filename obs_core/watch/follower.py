"""Follows one log: what is new since last time is judged by all rules, flips are recorded, what is known is saved.

The ledger is written first, with the id up to which it has judged; the derived data (streaks) second. A watcher that
is killed between the two finds rows that the ledger has judged already: they move the streaks and tell nothing. A rule
that is new, or has changed, is first judged over the whole log.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from obs_core.alerts import ledger
from obs_core.alerts.evaluate import alert_set
from obs_core.alerts.evaluate.alert_set import AlertSet
from obs_core.alerts.evaluate.evaluator import EvaluationOutput, Evaluator, held_back
from obs_core.alerts.rules import sources
from obs_core.alerts.rules.model import Rule, no_code
from obs_core.capture.drain.writer_status import WriterStatus
from obs_core.clock import SECOND
from obs_core.errors import BadParameter, LogMissing
from obs_core.store import foreign, sqlite, tail
from obs_core.watch.backfill import BackfillResult, judged
from obs_core.watch.batches import CHUNK, Held, Progress, Source, feed
from obs_core.watch.checkpoint import SELDOM, Checkpoint
from obs_core.watch.code_annotations import CodeOf

_SAY_NS: Final = 5 * SECOND  # how often it is said that all is judged while no row comes; a page believes it for 15 s


def in_silence(_what: str, _done: int, _whole: int) -> None:
    """Say nothing of the progress."""


class Follower:
    """A log, its ledger and its derived data, opened; `close` when done."""

    def __init__(self, log: Path, progress: Progress = in_silence) -> None:
        """Open them.

        Raises:
            LogMissing: there is no log yet.
            ObsError: one of the files can't be used.
        """
        self.log = log
        self._progress = progress
        self._source = sqlite.connect(log)
        self._file = log.stat().st_ino
        try:
            self._shape = foreign.shape(self._source, log)
            self._ledger = ledger.open_ledger(log)
            self._kept = Checkpoint(log)
        except BaseException:
            self.close()
            raise
        self._code = CodeOf(self._source) if self._shape.native else None
        self._rules: list[Rule] | None = None
        self._state: object = None
        self._hashes: dict[Rule, str] = {}
        self._recorded = -1
        self._said_ns = 0
        self._judge = Evaluator([], (), AlertSet([]))
        self.at = 0

    def close(self) -> None:
        """Save what is known, and close the files."""
        with suppress(AttributeError, sqlite.Error):
            if self.at == self._recorded:  # streaks that the ledger is behind would be built again
                self._kept.save(self._judge, self.at)
        for name in ("_source", "_ledger", "_kept"):
            with suppress(AttributeError):
                getattr(self, name).close()

    def tick(self, now_ns: int, writers: Sequence[WriterStatus] = ()) -> int:
        """Judge what is new, and record it; how many rows were new.

        Raises:
            BadParameter: a rule can't be read; the rules that were there before go on.
            LogMissing: the file is not the one that was opened.
        """
        if not self.log.exists() or self.log.stat().st_ino != self._file:
            message = f"{self.log} has been removed or replaced."
            raise LogMissing(message, "The watcher goes on with the file that is there now.")
        held = held_back(writers)
        trouble = self._rules_as_they_are(now_ns, held)
        newest = tail.newest_id(self._source, self._shape)
        begun = self.at
        if newest < begun:
            self._start_over()
            begun = self.at
        while self.at < newest:
            whole = newest - begun
            self._feed(newest, now_ns, live=whole <= CHUNK, held=held)
            if whole > CHUNK:
                self._progress("following the log", self.at - begun, whole)
                self._record(self._judge.clock_ns or now_ns)
                self._kept.save(self._judge, self.at, every=10 * SELDOM)
        self._judge.tick(now_ns, writers, held)
        self._record(now_ns)
        if trouble is not None:
            raise trouble
        return newest - begun

    def keep(self, *, rows_come: bool) -> None:
        """Save the streaks, seldom while rows come; behind a tick, when all that it found has been told."""
        self._kept.save(self._judge, self.at, every=SELDOM if rows_come else 0)

    def _feed(
        self, upto: int, now_ns: int, *, quiet_until: int = 0, live: bool = False, held: Held = frozenset()
    ) -> None:
        source = Source(self._source, self._shape)
        self.at = feed(source, self._judge, self.at, upto, now_ns, quiet_until=quiet_until, live=live, held=held)

    def _rules_as_they_are(self, now_ns: int, held: Held = frozenset()) -> Exception | None:
        """Read the rules; where they have changed, judge what is new over the whole log and go on with all of them."""
        try:
            if (state := sources.state(self.log, self._ledger)) == self._state and self._rules is not None:
                return None
            found = sources.rules(self.log, self._ledger)
        except BadParameter as error:
            if self._rules is None:
                self._go_on([], now_ns)
            return error
        self._state = state
        enabled = [rule for rule in found if rule.enabled]
        if enabled == self._rules:
            return None
        if self._rules is not None:
            self._record(now_ns)
            self._kept.save(self._judge, self.at)
        marks = ledger.evaluated_ranges(self._ledger)
        there = {rule.name: rule.condition_hash() for rule in enabled}
        self._end([name for name, mark in marks.items() if there.get(name) != mark.condition], now_ns)
        marks = ledger.evaluated_ranges(self._ledger)
        self._hashes = {}
        self._judge_history([rule for rule in enabled if rule.name not in marks], now_ns, held)
        if self._rules != enabled:
            self._go_on(enabled, now_ns)
        return None

    def _end(self, gone: list[str], now_ns: int) -> None:
        """Rules that are gone or have changed: what fires by them resolves."""
        if not gone:
            return
        with sqlite.transaction(self._ledger):
            standing = [each for each in ledger.alert_rows(self._ledger) if each.rule in gone]
            closing = [flip for each in standing if (flip := alert_set.closing_transition(each, now_ns))]
            ledger.record(self._ledger, closing, [])
            for name in gone:
                ledger.forget(self._ledger, name)

    def _judge_history(self, new: list[Rule], now_ns: int, held: Held) -> None:
        """Judge new rules over the log up to where the others have come; all of it is recorded at once, or nothing."""
        if not new:
            return
        marks = ledger.evaluated_ranges(self._ledger).values()
        upto = max((mark.up_to_id for mark in marks), default=0)
        upto = min(upto, newest) if (newest := tail.newest_id(self._source, self._shape)) and upto else newest
        judged_ns = max((mark.evaluated_ns for mark in marks), default=now_ns)
        source, past = Source(self._source, self._shape), BackfillResult(self.log, upto, now_ns, judged_ns)
        code_of = self._code or no_code
        judge, told = judged(source, new, past, held=held, code_of=code_of, progress=self._progress)
        self._write(told, new, judged_ns, upto)
        if marks:
            return
        self._kept.clear()
        self._kept.save(judge, upto)  # the streaks are known: a second pass over the log is saved
        if judge.rules == new:
            self._judge, self._rules, self.at, self._recorded = judge, new, upto, upto

    def _go_on(self, rules: list[Rule], now_ns: int) -> None:
        """Take up the judgement of `rules` where the ledger has it, with the streaks that were saved."""
        marks = ledger.evaluated_ranges(self._ledger)
        upto = max((marks[rule.name].up_to_id for rule in rules if rule.name in marks), default=0)
        known = self._kept.known(rules, upto)
        board_ = AlertSet(rules, ledger.alert_rows(self._ledger))
        judge = Evaluator(
            rules, known.series.values(), board_, ledger.seen_exceptions(self._ledger), self._code or no_code
        )
        self._judge, self._rules, self.at = judge, rules, known.id
        self._recorded = upto
        while self.at < upto:
            self._feed(upto, now_ns, quiet_until=upto)
            if upto - known.id > CHUNK:
                self._progress("building streaks", self.at, upto)
        judge.series.schedule_retry()
        if judge.reach_ns and upto:
            self._count_again(judge, upto, max(marks[rule.name].evaluated_ns for rule in rules if rule.name in marks))
        self._kept.save(judge, self.at)

    def _count_again(self, judge: Evaluator, upto: int, judged_ns: int) -> None:
        """Calls are not saved: those that windows hold are read again, as of the moment to which they were judged."""
        begun = judged_ns - judge.reach_ns
        oldest = tail.oldest_ns(self._source, self._shape)
        rows = tail.rows_from(self._source, self._shape, begun, upto)
        judge.resume(rows, begun if oldest is None else max(begun, oldest), judged_ns)

    def _record(self, now_ns: int) -> None:
        told = self._judge.drain_output()
        if self.at == self._recorded and not any(told) and now_ns - self._said_ns < _SAY_NS:
            return
        self._write(told, self._rules or [], now_ns, self.at)
        self._recorded, self._said_ns = self.at, now_ns

    def _write(self, told: EvaluationOutput, rules: list[Rule], now_ns: int, at: int) -> None:
        """Record what `rules` have told, and that they have judged the log up to the id `at`."""
        with sqlite.transaction(self._ledger):
            ledger.record(self._ledger, told.transitions, told.rows)
            ledger.mark_seen(self._ledger, told.seen)
            marks = {rule.name: ledger.EvaluatedRange(self._hash_of(rule), at, now_ns) for rule in rules}
            ledger.mark_evaluated(self._ledger, marks)

    def _hash_of(self, rule: Rule) -> str:
        """Its judgement; a thousand of them at each tick would take 70 ms."""
        found = self._hashes.get(rule)
        if found is None:
            found = self._hashes[rule] = rule.condition_hash()
        return found

    def _start_over(self) -> None:
        """The log is another one, or was cut: what was judged stays judged, what comes is followed from the start."""
        self._kept.clear()
        with sqlite.transaction(self._ledger):
            ledger.restart_evaluation(self._ledger)
        self._rules = None
        self._rules_as_they_are(0)


def opened(log: Path, progress: Progress = in_silence) -> Follower | None:
    """A follower of `log`; None while there is no log yet."""
    try:
        return Follower(log, progress)
    except LogMissing:
        return None
