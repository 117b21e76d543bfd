"""Records the results of evaluation in the ledger: transitions, alerts, and how far each rule was evaluated."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from obs_core import heartbeat
from obs_core.alerts import ledger
from obs_core.alerts.evaluate import alert_set
from obs_core.alerts.evaluate.evaluator import EvaluationOutput, Evaluator
from obs_core.alerts.ledger import EvaluatedRange
from obs_core.alerts.rules import sources
from obs_core.alerts.rules.model import Rule
from obs_core.clock import SECOND
from obs_core.store import sqlite

_HEARTBEAT_NS: Final = 5 * SECOND  # how often progress is recorded while no row arrives; a page trusts it for 15 s


class Recorder:
    """The open ledger of one log; call `close` when done. `up_to_id` is the id up to which it has the results."""

    def __init__(self, log: Path) -> None:
        """Open the ledger, or create it.

        Raises:
            ObsError: the file can't be used.
        """
        self.ledger = ledger.open_ledger(log)
        self.ledger.set_progress_handler(heartbeat.beat, heartbeat.SQL_STEPS)
        self.up_to_id = -1
        self._hashes: dict[Rule, str] = {}
        self._recorded_ns = 0
        self._new: set[str] = set()  # the rules that were made since the last tick
        self._past: set[alert_set.Key] = set()  # the alerts that fire, but started in the past
        ranges = ledger.evaluated_ranges(self.ledger).values()
        self._evaluated_ns = max((evaluated.evaluated_ns for evaluated in ranges), default=0)
        self._was_behind = True  # a watcher before this one may have been killed while it was

    def close(self) -> None:
        """Close the ledger."""
        self.ledger.close()

    def evaluated_ranges(self, rules: list[Rule]) -> list[EvaluatedRange]:
        """How far each of `rules` was evaluated; rules that were not are left out."""
        ranges = ledger.evaluated_ranges(self.ledger)
        return [ranges[rule.name] for rule in rules if rule.name in ranges]

    def tick(self, evaluator: Evaluator, at_id: int, now_ns: int, *, is_behind: bool = False) -> None:
        """Record the output of `evaluator` up to the id `at_id`; without news, only every few seconds.

        If the watcher `is_behind`, nothing is sent until it has caught up: what fires may have ended in later rows.
        """
        output = self._with_past(evaluator.drain_output())
        has_news = at_id != self.up_to_id or any(output) or is_behind != self._was_behind
        if not has_news and now_ns - self._recorded_ns < _HEARTBEAT_NS:
            return
        with sqlite.transaction(self.ledger):
            self._record(output, evaluator.rules, at_id, now_ns)
            if is_behind or self._was_behind:
                ledger.mark_catching_up(self.ledger, now_ns if is_behind else None)
        self.up_to_id, self._recorded_ns, self._was_behind = at_id, now_ns, is_behind
        if not is_behind:
            self._evaluated_ns = max(self._evaluated_ns, now_ns)
            self._new.clear()

    def record(self, output: EvaluationOutput, rules: Sequence[Rule], at_id: int, now_ns: int) -> None:
        """Record `output`, and that `rules` were evaluated up to the id `at_id`, in one transaction."""
        with sqlite.transaction(self.ledger):
            self._record(output, rules, at_id, now_ns)
        self._new |= {rule.name for rule in rules}
        self._evaluated_ns = max(self._evaluated_ns, now_ns)

    def _with_past(self, output: EvaluationOutput) -> EvaluationOutput:
        """Mark what started long before the last evaluation as history: rows of the past that were imported since."""
        marked = []
        for transition in output.transitions:
            key = (transition.rule, transition.labels)
            if transition.state_to in ledger.FIRING:
                recent_ns = alert_set.RECENT_NS if transition.rule in self._new else alert_set.LATE_NS
                is_past = transition.timestamp_ns < self._evaluated_ns - recent_ns
                (self._past.add if is_past else self._past.discard)(key)
            else:  # the end of an alert that was sent is sent
                is_past = key in self._past
                self._past.discard(key)
            marked.append(transition._replace(is_history=True) if is_past else transition)
        return output._replace(transitions=marked)

    def _record(self, output: EvaluationOutput, rules: Sequence[Rule], at_id: int, now_ns: int) -> None:
        ledger.record(self.ledger, output.transitions, output.rows)
        ledger.mark_seen(self.ledger, output.seen)
        ranges = {rule.name: EvaluatedRange(self._condition_hash(rule), at_id, now_ns) for rule in rules}
        ledger.mark_evaluated(self.ledger, ranges)

    def end_missing(self, rules: list[Rule], now_ns: int, invalid: Collection[str] = ()) -> None:
        """Resolve the alerts of rules that are not among `rules`, or have changed, and delete their progress.

        Alerts of `invalid` rules stay; those of all missing rules, if the file can't be read.
        """
        if sources.WHOLE_FILE in invalid:
            return
        hashes = {rule.name: rule.condition_hash() for rule in rules}
        ranges = ledger.evaluated_ranges(self.ledger)
        ended = {name for name, evaluated in ranges.items() if hashes.get(name) != evaluated.condition} - set(invalid)
        self._hashes = {}
        if not ended:
            return
        with sqlite.transaction(self.ledger):
            rows = [row for row in ledger.alert_rows(self.ledger) if row.rule in ended]
            closing = (alert_set.closing_transition(row, now_ns) for row in rows)
            ledger.record(self.ledger, [transition for transition in closing if transition is not None], [])
            for name in ended:
                ledger.forget(self.ledger, name)

    def restart(self) -> None:
        """Evaluate the log from its start: it was replaced or truncated. Recorded transitions stay."""
        with sqlite.transaction(self.ledger):
            ledger.restart_evaluation(self.ledger)

    def _condition_hash(self, rule: Rule) -> str:
        """The hash of the condition, cached: a thousand of them at each tick would take 70 ms."""
        condition_hash = self._hashes.get(rule)
        if condition_hash is None:
            condition_hash = self._hashes[rule] = rule.condition_hash()
        return condition_hash
