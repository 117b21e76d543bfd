"""Evaluates new rows by all rules in one pass: rows go in by order of arrival, state changes of alerts come out.

Times come from the rows. A timestamp in the future or before the year 2000 is replaced by the time at which the row was
read. The result does not depend on how rows are split over calls. While the writer of a process is behind, the process
is neither stale nor silent.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from obs_core.alerts.evaluate import failures
from obs_core.alerts.evaluate.alert_set import LATE_NS, AlertSet
from obs_core.alerts.evaluate.failures import RowCounts
from obs_core.alerts.evaluate.series_checks import Key, SeriesChecks
from obs_core.alerts.ledger import AlertRow, AlertTransition
from obs_core.alerts.rules.check import Check
from obs_core.alerts.rules.kinds import KINDS
from obs_core.alerts.rules.model import CodeLocator, Rule, no_code
from obs_core.capture.drain.writer_status import WriterStatus
from obs_core.clock import FIRST_NS, LAST_NS, MINUTE
from obs_core.series.tracker import Series
from obs_core.store import tail
from obs_core.store.tail import TailRow

_NONE_SEEN: Final[Mapping[str, AbstractSet[str]]] = {}


class EvaluationOutput(NamedTuple):
    """Results for the ledger: transitions, changed alerts, and the (rule, text) pairs that rules must remember."""

    transitions: list[AlertTransition]
    rows: list[AlertRow]
    seen: list[tuple[str, str]]


class Evaluator:
    """The evaluation of some rules; `series`, `checks` and `alerts` are its state."""

    def __init__(
        self,
        rules: Sequence[Rule],
        known: Iterable[Series],
        alerts: AlertSet,
        seen: Mapping[str, AbstractSet[str]] = _NONE_SEEN,
        code_of: CodeLocator = no_code,
        *,
        alone: Collection[Rule] = (),
        counts: RowCounts | None = None,
        max_series: int | None = None,
    ) -> None:
        """Evaluate `rules`, starting with the series in `known`, the states of `alerts`, and the texts seen by rule.

        Rules in `alone` share no check with others. `counts` counts the rows that are skipped. At most `max_series`
        series are tracked (None: all); the readings of others are counted.

        Raises:
            RuleFailed: the check of a rule can't be made.
        """
        self.rules, self.alerts = rules, alerts
        self.counts = RowCounts() if counts is None else counts
        self.series = SeriesChecks(rules, known, alerts, code_of, max_series)
        self.checks: list[Check] = []
        self._of_values: list[Check] = []
        self._of_calls: list[Check] = []
        self._rules_of: dict[int, list[Rule]] = {}
        families: dict[tuple[str, Rule | None], list[Rule]] = {}
        for rule in rules:
            if KINDS[rule.kind].check is not None:
                key = rule.condition.family, rule if rule in alone else None
                families.setdefault(key, []).append(rule)
        for family in families.values():
            self._add_check(family, seen)

    def _add_check(self, family: list[Rule], seen: Mapping[str, AbstractSet[str]]) -> None:
        kind = KINDS[family[0].kind]
        assert kind.check is not None
        try:
            check = kind.check(family, self.alerts, seen)
        except Exception as error:  # noqa: BLE001 - a kind of rule is a plug-in
            failures.fail(error, family)
        self.checks.append(check)
        self._rules_of[id(check)] = family
        if kind.reads == "values":
            self._of_values.append(check)
        elif kind.reads == "calls":
            self._of_calls.append(check)

    @property
    def clock_ns(self) -> int:
        """The time up to which windows are evaluated; 0: there are none, or no row yet."""
        return max((check.clock_ns for check in self.checks), default=0)

    @property
    def reach_ns(self) -> int:
        """How much of the past windows must read again after a restart; 0: none."""
        return max((check.reach_ns for check in self.checks), default=0)

    def take(  # noqa: C901 - a call for each step of each row takes too much time
        self,
        rows: Iterable[TailRow],
        now_ns: int,
        *,
        quiet_until: int = 0,
        live: bool = False,
        held: Collection[str] = (),
    ) -> None:
        """Take rows in the order of their ids; those up to the id `quiet_until` were evaluated before.

        A row that causes an error outside the rules is skipped.

        Raises:
            RuleFailed: the check of a rule raised an error; this evaluator can't be used any longer.
        """
        latest_ns, oldest_ns = now_ns + MINUTE, now_ns - MINUTE if live else tail.YEAR_2000_NS
        past_ns = now_ns - LATE_NS
        take_reading, record_call = self.series.take, self.series.record_call
        of_values, of_calls = self._of_values, self._of_calls
        check = None
        for row in rows:
            try:
                time_ns = row.timestamp
                if not (is_trusted := time_ns is not None and tail.YEAR_2000_NS < time_ns <= latest_ns):
                    if self._has_no_time(row):
                        continue
                    time_ns = now_ns
                last_seen_ns = time_ns if time_ns >= oldest_ns or time_ns < past_ns else now_ns
                quiet = row.id <= quiet_until
                kind, process = row.kind, row.process
                if kind == "value" or (not kind and row.is_value):
                    if not take_reading(row, time_ns, last_seen_ns, quiet=quiet, held=process in held):
                        self.counts.add_untracked(row.id, (process, row.data))
                    elif of_values and not quiet:
                        for check in of_values:
                            check.take(row, min(time_ns, now_ns), is_trusted=is_trusted)
                        check = None
                if kind == "call" or (not kind and row.is_call):
                    record_call(process, row.process_group, last_seen_ns, quiet=quiet)
                    if not quiet:
                        for check in of_calls:
                            check.take(row, min(time_ns, now_ns), is_trusted=is_trusted)
                        check = None
            except Exception as error:  # noqa: BLE001 - one row or rule never stops the others
                self._skip(row, error, check)

    def _has_no_time(self, row: TailRow) -> bool:
        """Whether a row has no time and is skipped; a time at the bounds is counted."""
        if row.timestamp is None:
            self.counts.add("no time", row.id)
            return True
        if not FIRST_NS < row.timestamp < LAST_NS:
            self.counts.add("far time", row.id)
        return False

    def _skip(self, row: TailRow, error: Exception, check: Check | None) -> None:
        """Skip a row after an error; an error of a check is one of its rules."""
        if check is not None:
            failures.fail(error, self._rules_of[id(check)])
        if isinstance(error, failures.FATAL):
            raise error
        self.counts.add("skipped", row.id, failures.error_text(error))

    def late(self) -> tuple[set[Key], int] | None:
        """Return the series that must be read again, and from which time on; None: none."""
        return self.series.late()

    def reread(self, rows: Iterable[TailRow], quiet_until: int = 0, held: Collection[str] = ()) -> None:
        """Take the readings that `late` asked for, by (timestamp, id)."""
        self.series.reread(rows, quiet_until, held)

    def drain_output(self) -> EvaluationOutput:
        """Return the results since the last call."""
        transitions, rows = self.alerts.drain_changes()
        seen: list[tuple[str, str]] = []
        self._run_checks(lambda check: seen.extend(check.drain_seen()))
        return EvaluationOutput(transitions, rows, seen)

    def tick(self, now_ns: int, writers: Sequence[WriterStatus] = (), held: Collection[str] = ()) -> None:
        """Evaluate what depends on time up to `now_ns`: silence, durations, windows, and the state of writers.

        Raises:
            RuleFailed: the check of a rule raised an error; this evaluator can't be used any longer.
        """
        self.series.tick(now_ns, held)
        self._run_checks(lambda check: check.tick(now_ns, writers))
        self.alerts.advance_to(now_ns)

    def advance_windows(self, now_ns: int) -> None:
        """Evaluate the windows up to `now_ns`, without silence and writers."""
        self._run_checks(lambda check: check.tick(now_ns) if check.reach_ns else None)

    def resume(self, rows: Iterable[TailRow], start_ns: int, evaluated_ns: int) -> None:
        """Fill the windows again after a restart; `rows` are those since `start_ns`, by id (see `reach_ns`)."""
        with_windows = [check for check in self.checks if check.reach_ns]
        rows = list(rows) if len(with_windows) > 1 else rows
        self._run_checks(lambda check: check.resume(rows, start_ns, evaluated_ns) if check.reach_ns else None)

    def _run_checks(self, do: Callable[[Check], None]) -> None:
        for check in self.checks:
            try:
                do(check)
            except Exception as error:  # noqa: BLE001 - an error of a check is one of its rules
                failures.fail(error, self._rules_of[id(check)])


def held_back(writers: Iterable[WriterStatus]) -> set[str]:
    """Return the processes with a writer that is behind: missing rows may still arrive."""
    return {writer.process for writer in writers if writer.state != "OK"}
