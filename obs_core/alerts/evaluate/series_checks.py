"""What rules look at in series: streaks, newest values, silence; reading by reading, in the order of arrival.

The usual case of most steps stands in `take` itself, without calls: a log of a million rows is judged here first.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, NamedTuple

from obs_core.alerts.evaluate import checks
from obs_core.alerts.evaluate.alert_set import AlertSet
from obs_core.alerts.evaluate.checks import Checks, SilenceCheck
from obs_core.alerts.rules.model import Rule, Silent, Stale, Value, is_pattern
from obs_core.clock import SECOND
from obs_core.series import tracker
from obs_core.series.tracker import Series
from obs_core.store.tail import TailRow

CALLS: Final = "\0calls"
"""The data of the series that stands for the calls of a process: it has a newest moment and no streaks."""
_RETRY_NS: Final = SECOND
Key = tuple[str, str]
CodeOf = Callable[[TailRow], dict[str, str]]


class Due(NamedTuple):
    """When a series is to be looked at for silence."""

    at_ns: int
    key: Key
    number: int


class SeriesChecks:
    """All series with their checks."""

    def __init__(self, rules: Sequence[Rule], known: Iterable[Series], board: AlertSet, code_of: CodeOf) -> None:
        """Judge by `rules`, going on from the series that are `known`."""
        self._changed: list[Checks] = []
        self._board, self._code_of = board, code_of
        self._checks: dict[Key, Checks] = {}
        self._late: dict[Key, Checks] = {}
        self._owed: dict[Key, TailRow | None] = {}
        self._due: list[Due] = []
        self._exact: dict[str, list[Rule]] = {}
        self._loose: list[Rule] = []
        for rule in rules:
            exact = rule.scope.data and not is_pattern(rule.scope.data)
            if isinstance(rule.condition, Stale | Value | Silent):
                (self._exact.setdefault(rule.scope.data, []) if exact else self._loose).append(rule)
        for series in known:
            self._look_at(series)

    def take(self, row: TailRow, moment: int, beat: int, *, quiet: bool, held: bool) -> None:
        """Take a reading; `beat` is the moment at which its series was heard of."""
        key = (row.process, row.data)
        found = self._checks.get(key) or self._look_at(Series(*key, row.process_group))
        series = found.series
        reading = tracker.observe(series, row, found.variants)
        if reading is None:
            self._late[key] = found
        elif not quiet:
            for value in found.value:
                holds = value.verdict(reading, row.data_value)
                if holds != value.holds or (holds and value.entry.alert.condition is None):
                    value.holds = holds
                    self._board.tell(value.entry, moment, holds, row.data_value, self._told_of(row))
            for stale in found.stale:
                streak = series.streaks.get(stale.variant)
                if streak is not None and (streak.length > stale.threshold or stale.holds is not False):
                    self._judge(key, found, row, moment, held=held)
                    break
        self._beat(found, beat, quiet=quiet)

    def hear(self, process: str, group: str | None, beat: int, *, quiet: bool) -> None:
        """A process called something at the moment `beat`."""
        key = (process, CALLS)
        found = self._checks.get(key) or self._look_at(Series(process, CALLS, group))
        self._beat(found, beat, quiet=quiet)

    def changed(self) -> list[Series]:
        """The series that were heard of since this was asked last, by process and data."""
        found, self._changed = self._changed, []
        for each in found:
            each.is_changed = False
        return sorted((each.series for each in found), key=lambda series: (series.process, series.data))

    def late(self) -> tuple[set[Key], int] | None:
        """The series that are to be read again, and from which moment on."""
        if not self._late:
            return None
        return set(self._late), tracker.earliest(found.series for found in self._late.values())

    def take_late(self, rows: Iterable[TailRow], quiet_until: int, held: Collection[str]) -> None:
        """Take the readings that `late` asked for, by (timestamp, id)."""
        by_series: dict[Key, list[TailRow]] = {key: [] for key in self._late}
        for row in rows:
            by_series[row.process, row.data].append(row)
        for key, found in self._late.items():
            newest = tracker.replay(found.series, by_series[key])
            if newest is None or max(row.id for row in by_series[key]) <= quiet_until:
                continue
            self._judge(key, found, newest, max(found.series.beat_ns, 0), held=key[0] in held)
        self._late = {}

    def owe(self) -> None:
        """What was held back before a restart is judged at the next tick."""
        for key, found in self._checks.items():
            for check in found.stale:
                streak = found.series.streaks.get(check.variant)
                if streak is not None and check.verdict(streak) != check.holds:
                    self._owed[key] = None

    def tick(self, now_ns: int, held: Collection[str]) -> None:
        """Time has gone on to `now_ns`: silence, and what was held back."""
        for key in [key for key in self._owed if key[0] not in held]:
            found = self._checks[key]
            self._judge(key, found, self._owed.pop(key), found.series.beat_ns, held=False)
        while self._due and self._due[0].at_ns <= now_ns:
            due = heapq.heappop(self._due)
            found = self._checks[due.key]
            quiet, beat_ns = found.quiet[due.number], found.series.beat_ns
            at = beat_ns + quiet.after_ns
            if quiet.told or not beat_ns:
                continue
            if at > now_ns:
                heapq.heappush(self._due, due._replace(at_ns=at))
            elif found.series.process in held:
                heapq.heappush(self._due, due._replace(at_ns=now_ns + _RETRY_NS))
            else:
                self._silent(found, quiet, beat_ns)

    def _look_at(self, series: Series) -> Checks:
        """Find the checks of a series, and when to look whether it is silent."""
        of_calls = series.data == CALLS
        fitting = []
        for rule in (*self._exact.get(series.data, ()), *self._loose):
            scope = rule.scope
            fits = scope.holds(series.process, series.process_group, "" if of_calls else series.data)
            wants_calls = isinstance(rule.condition, Silent) and rule.condition.of == "calls"
            if wants_calls == of_calls and (fits or (of_calls and not scope.data)):
                fitting.append(rule)
        key = (series.process, series.data)
        found = self._checks[key] = checks.of_series(series, fitting, self._board)
        for number, quiet in enumerate(found.quiet):
            if not quiet.told:
                heapq.heappush(self._due, Due(series.beat_ns + quiet.after_ns, key, number))
        return found

    def _judge(self, key: Key, found: Checks, row: TailRow | None, moment: int, *, held: bool) -> None:
        """Tell whether the series is stale where that has changed; a process that is held back is owed it."""
        if not found.stale:
            return
        if held:
            self._owed[key] = row
            return
        for check in found.stale:
            streak = found.series.streaks.get(check.variant)
            if streak is not None and (holds := check.verdict(streak)) != check.holds:
                check.holds = holds
                told = checks.stale_annotations(streak, row, self._code_of) if holds else None
                self._board.tell(check.entry, moment, holds, streak.text, told)

    def _beat(self, found: Checks, beat: int, *, quiet: bool) -> None:
        """A series was heard of at the moment `beat`."""
        series = found.series
        before = series.beat_ns
        if beat > before:
            series.beat_ns = beat
        if not quiet and (found.is_silent or series.beat_ns - before > found.patience_ns):
            self._heard(found, before)
        if not found.is_changed:
            found.is_changed = True
            self._changed.append(found)

    def _told_of(self, row: TailRow) -> dict[str, str]:
        return {"summary": f"{row.data} is {row.data_value}", "value": str(row.data_value), **self._code_of(row)}

    def _heard(self, found: Checks, before: int) -> None:
        """A series was heard of: a silence that lay before it has ended."""
        series = found.series
        for number, each in enumerate(found.quiet):
            if before and not each.told and series.beat_ns - before > each.after_ns:
                self._silent(found, each, before)
            if each.told:
                each.told = False
                heapq.heappush(self._due, Due(series.beat_ns + each.after_ns, (series.process, series.data), number))
                if each.tells:
                    self._board.tell(each.entry, series.beat_ns, condition=False)
                else:
                    self._again(found, each)
        found.is_silent = False

    def _again(self, found: Checks, quiet: SilenceCheck) -> None:
        """There are data again: what was last known holds, until the checks say otherwise."""
        holds = [check.holds for check in found.stale if check.entry is quiet.entry]
        holds += [check.holds for check in found.value if check.entry is quiet.entry]
        self._board.tell(quiet.entry, found.series.beat_ns, any(holds), quiet.entry.value)

    def _silent(self, found: Checks, quiet: SilenceCheck, since: int) -> None:
        quiet.told = found.is_silent = True
        told = {"summary": f"nothing for {quiet.after_ns / SECOND:g} s"}
        self._board.tell(quiet.entry, since + quiet.after_ns, quiet.tells, quiet.entry.value, told)
