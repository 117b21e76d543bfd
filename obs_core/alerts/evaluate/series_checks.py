"""Evaluates rules on series: streaks, newest values and silence, reading by reading in the order of arrival.

`SeriesChecks.take` contains the fast path of most steps without calls: the first evaluation of a log of a million rows
spends most of its time here.
"""

import heapq
import sys
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Final, NamedTuple

from obs_core.alerts.evaluate import checks as checks_
from obs_core.alerts.evaluate import failures
from obs_core.alerts.evaluate.alert_set import AlertSet
from obs_core.alerts.evaluate.checks import Checks
from obs_core.alerts.rules.kinds import KINDS
from obs_core.alerts.rules.model import CodeLocator, Rule, is_pattern
from obs_core.alerts.rules.series_check import SilenceCheck
from obs_core.clock import SECOND
from obs_core.series import tracker
from obs_core.series.tracker import Series
from obs_core.store.tail import TailRow

CALLS: Final = "\0calls"
"""The data name of the series for the calls of a process: it has a newest timestamp and no streaks."""
_RETRY_NS: Final = SECOND
Key = tuple[str, str]


class Due(NamedTuple):
    """When to check a series for silence, and the index of the check."""

    at_ns: int
    key: Key
    number: int


class SeriesChecks:
    """All series with their checks."""

    def __init__(
        self,
        rules: Sequence[Rule],
        known: Iterable[Series],
        alerts: AlertSet,
        code_of: CodeLocator,
        max_series: int | None = None,
    ) -> None:
        """Evaluate `rules`, starting with the saved state in `known`; track at most `max_series` (None: all)."""
        self._max_series = sys.maxsize if max_series is None else max_series
        self._changed: list[Checks] = []
        self._alerts, self._code_of = alerts, code_of
        self._checks: dict[Key, Checks] = {}
        self._late: dict[Key, Checks] = {}
        self._deferred: dict[Key, TailRow | None] = {}
        self._due: list[Due] = []
        self._by_data: dict[str, list[Rule]] = {}
        self._by_pattern: list[Rule] = []
        for rule in rules:
            is_exact = rule.scope.data and not is_pattern(rule.scope.data)
            if KINDS[rule.kind].series_checks is not None:
                (self._by_data.setdefault(rule.scope.data, []) if is_exact else self._by_pattern).append(rule)
        for series in islice(known, self._max_series):
            self._start(series)

    def take(self, row: TailRow, time_ns: int, last_seen_ns: int, *, quiet: bool, held: bool) -> bool:
        """Take a reading, active at `last_seen_ns`, and return True; False if its series is not tracked."""
        key = (row.process, row.data)
        checks = self._checks.get(key)
        if checks is None:
            if len(self._checks) >= self._max_series:
                return False
            checks = self._start(Series(*key, row.process_group))
        series = checks.series
        reading = tracker.observe(series, row, checks.variants)
        if reading is None:
            self._late[key] = checks
        elif not quiet:
            for check in checks.reading:
                try:
                    holds = check.condition.is_met(reading, row.data_value)
                    if holds != check.holds or (holds and check.tracked.alert.condition is None):
                        check.holds = holds
                        self._alerts.report(check.tracked, time_ns, holds, row.data_value, self._value_annotations(row))
                except Exception as error:  # noqa: BLE001 - a kind of rule is a plug-in
                    failures.fail(error, [check.tracked.rule])
            for streak_check in checks.streak:
                streak = series.streaks.get(streak_check.variant)
                if streak is not None and (streak.length > streak_check.threshold or streak_check.holds is not False):
                    self._evaluate_streaks(key, checks, row, time_ns, held=held)
                    break
        self._record_activity(checks, last_seen_ns, quiet=quiet)
        return True

    def record_call(self, process: str, group: str | None, last_seen_ns: int, *, quiet: bool) -> None:
        """Record that a process called something at `last_seen_ns`, if it is tracked."""
        key = (process, CALLS)
        checks = self._checks.get(key)
        if checks is None:
            if len(self._checks) >= self._max_series:
                return
            checks = self._start(Series(process, CALLS, group))
        self._record_activity(checks, last_seen_ns, quiet=quiet)

    def last_seen_ns(self, process: str, data: str = CALLS) -> int | None:
        """When a series, or the calls of a process, were last active; None: they are not tracked."""
        checks = self._checks.get((process, data))
        return None if checks is None else checks.series.last_seen_ns

    def newest_ns(self) -> int:
        """When any series or process was last active; 0: never."""
        return max((checks.series.last_seen_ns for checks in self._checks.values()), default=0)

    def drain_changed(self, *, everything: bool = False) -> list[Series]:
        """Return the series with activity since the last call, or with `everything` all, by process and data."""
        changed, self._changed = self._changed, []
        for checks in changed:
            checks.is_changed = False
        returned = self._checks.values() if everything else changed
        return sorted((checks.series for checks in returned), key=lambda series: (series.process, series.data))

    def late(self) -> tuple[set[Key], int] | None:
        """Return the series that must be read again, and from which time on; None: none."""
        if not self._late:
            return None
        return set(self._late), tracker.earliest_late_ns(checks.series for checks in self._late.values())

    def reread(self, rows: Iterable[TailRow], quiet_until: int, held: Collection[str]) -> None:
        """Take the readings that `late` asked for, by (timestamp, id)."""
        by_series: dict[Key, list[TailRow]] = {key: [] for key in self._late}
        for row in rows:
            by_series[row.process, row.data].append(row)
        for key, checks in self._late.items():
            newest = tracker.replay(checks.series, by_series[key])
            if newest is None or max(row.id for row in by_series[key]) <= quiet_until:
                continue
            self._evaluate_streaks(key, checks, newest, max(checks.series.last_seen_ns, 0), held=key[0] in held)
        self._late = {}

    def schedule_retry(self) -> None:
        """Evaluate at the next tick what was held back before a restart."""
        for key, checks in self._checks.items():
            for check in checks.streak:
                streak = checks.series.streaks.get(check.variant)
                if streak is not None and check.verdict(streak) != check.holds:
                    self._deferred[key] = None

    def tick(self, now_ns: int, held: Collection[str]) -> None:
        """Evaluate silence up to `now_ns`, and what was held back."""
        for key in [key for key in self._deferred if key[0] not in held]:
            checks = self._checks[key]
            self._evaluate_streaks(key, checks, self._deferred.pop(key), checks.series.last_seen_ns, held=False)
        while self._due and self._due[0].at_ns <= now_ns:
            due = heapq.heappop(self._due)
            checks = self._checks[due.key]
            silence, last_seen_ns = checks.silence[due.number], checks.series.last_seen_ns
            at_ns = last_seen_ns + silence.after_ns
            if silence.is_reported or not last_seen_ns:
                continue
            if at_ns > now_ns:
                heapq.heappush(self._due, due._replace(at_ns=at_ns))
            elif checks.series.process in held:
                heapq.heappush(self._due, due._replace(at_ns=now_ns + _RETRY_NS))
            else:
                self._report_silence(checks, silence, last_seen_ns)

    def _start(self, series: Series) -> Checks:
        """Make the checks of a series, and schedule those for silence."""
        is_calls = series.data == CALLS
        matching = []
        for rule in (*self._by_data.get(series.data, ()), *self._by_pattern):
            scope = rule.scope
            matches = scope.includes(series.process, series.process_group, "" if is_calls else series.data)
            if rule.condition.reads_calls == is_calls and (matches or (is_calls and not scope.data)):
                matching.append(rule)
        key = (series.process, series.data)
        checks = self._checks[key] = checks_.checks_of(series, matching, self._alerts)
        for index, silence in enumerate(checks.silence):
            if not silence.is_reported:
                heapq.heappush(self._due, Due(series.last_seen_ns + silence.after_ns, key, index))
        return checks

    def _evaluate_streaks(self, key: Key, checks: Checks, row: TailRow | None, time_ns: int, *, held: bool) -> None:
        """Report where the series became stale, or is no longer; for a process that is held back, later."""
        if not checks.streak:
            return
        if held:
            self._deferred[key] = row
            return
        for check in checks.streak:
            streak = checks.series.streaks.get(check.variant)
            try:
                if streak is not None and (holds := check.verdict(streak)) != check.holds:
                    check.holds = holds
                    annotations = checks_.stale_annotations(streak, row, self._code_of) if holds else None
                    self._alerts.report(check.tracked, time_ns, holds, streak.text, annotations)
            except Exception as error:  # noqa: BLE001 - as above
                failures.fail(error, [check.tracked.rule])

    def _record_activity(self, checks: Checks, last_seen_ns: int, *, quiet: bool) -> None:
        """Record activity of a series at `last_seen_ns`."""
        series = checks.series
        before_ns = series.last_seen_ns
        if last_seen_ns > before_ns:
            series.last_seen_ns = last_seen_ns
        if not quiet and (checks.is_silent or series.last_seen_ns - before_ns > checks.shortest_silence_ns):
            self._end_silence(checks, before_ns)
        if not checks.is_changed:
            checks.is_changed = True
            self._changed.append(checks)

    def _value_annotations(self, row: TailRow) -> dict[str, str]:
        return {"summary": f"{row.data} is {row.data_value}", "value": str(row.data_value), **self._code_of(row)}

    def _end_silence(self, checks: Checks, before_ns: int) -> None:
        """Report the end of a silence; also its start, if rows came before the next tick saw it."""
        series = checks.series
        for index, silence in enumerate(checks.silence):
            if before_ns and not silence.is_reported and series.last_seen_ns - before_ns > silence.after_ns:
                self._report_silence(checks, silence, before_ns)
            if silence.is_reported:
                silence.is_reported = False
                due = Due(series.last_seen_ns + silence.after_ns, (series.process, series.data), index)
                heapq.heappush(self._due, due)
                try:
                    if silence.condition:
                        self._alerts.report(silence.tracked, series.last_seen_ns, condition=False)
                    else:
                        self._restore(checks, silence)
                except Exception as error:  # noqa: BLE001 - as above
                    failures.fail(error, [silence.tracked.rule])
        checks.is_silent = False

    def _restore(self, checks: Checks, silence: SilenceCheck) -> None:
        """Data have arrived again: the last known condition holds until the checks change it."""
        holds = [check.holds for check in checks.streak if check.tracked is silence.tracked]
        holds += [check.holds for check in checks.reading if check.tracked is silence.tracked]
        self._alerts.report(silence.tracked, checks.series.last_seen_ns, any(holds), silence.tracked.value)

    def _report_silence(self, checks: Checks, silence: SilenceCheck, since_ns: int) -> None:
        silence.is_reported = checks.is_silent = True
        annotations = {"summary": f"nothing for {silence.after_ns / SECOND:g} s"}
        tracked = silence.tracked
        try:
            self._alerts.report(tracked, since_ns + silence.after_ns, silence.condition, tracked.value, annotations)
        except Exception as error:  # noqa: BLE001 - as above
            failures.fail(error, [tracked.rule])
