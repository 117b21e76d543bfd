"""Judges new rows by all rules in one pass: rows in the order of arrival go in, flips come out.

Moments are those of the rows (a clock in the future or in 1970 is replaced by the moment at which the row was seen),
so it does not matter in which steps rows come. A process whose writer is behind is not judged stale or silent.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, NamedTuple

from obs_core.alerts import checks
from obs_core.alerts.board import Board
from obs_core.alerts.call_checks import CallChecks
from obs_core.alerts.checks import Checks, Quiet, StaleCheck
from obs_core.alerts.rules import Rule, Silent, Stale, Value, is_pattern
from obs_core.alerts.writer_checks import WriterChecks
from obs_core.capture.status import WriterStatus
from obs_core.clock import MINUTE, SECOND
from obs_core.rollup import following, tail
from obs_core.rollup.following import Series
from obs_core.rollup.tail import Arrival

CALLS: Final = "\0calls"
"""The data of the series that stands for the calls of a process: it has a newest moment and no streaks."""
_RETRY_NS: Final = SECOND
Key = tuple[str, str]


def nothing_known(_: Arrival) -> dict[str, str]:
    """No annotations about the code that wrote a row."""
    return {}


class Due(NamedTuple):
    """When a series is to be looked at for silence."""

    at_ns: int
    key: Key
    number: int


class Judge:
    """The judgement of some rules, as far as it has come; `series` and `board` are what it knows."""

    def __init__(
        self,
        rules: Sequence[Rule],
        series: dict[Key, Series],
        board: Board,
        met: dict[str, set[str]] | None = None,
        code_of: Callable[[Arrival], dict[str, str]] = nothing_known,
    ) -> None:
        """Judge by `rules`, going on from `series` and `board`."""
        self.rules, self.series, self.board = rules, series, board
        self.changed: set[Key] = set()
        self.variants = checks.variants(list(rules))
        self.calls = CallChecks(rules, board, met or {})
        self._code_of = code_of
        self._checks: dict[Key, Checks] = {}
        self._late: dict[Key, Series] = {}
        self._owed: dict[Key, Arrival | None] = {}
        self._due: list[Due] = []
        self._writers = WriterChecks(rules, board)
        self._exact: dict[str, list[Rule]] = {}
        self._loose: list[Rule] = []
        for rule in rules:
            exact = rule.scope.data and not is_pattern(rule.scope.data)
            if isinstance(rule.condition, Stale | Value | Silent):
                (self._exact.setdefault(rule.scope.data, []) if exact else self._loose).append(rule)
        for known in series.values():
            self._of(known)

    def take(
        self,
        rows: Iterable[Arrival],
        now_ns: int,
        *,
        quiet_until: int = 0,
        live: bool = False,
        held: Collection[str] = (),
    ) -> None:
        """Take rows in the order of their ids; those up to the id `quiet_until` were judged before."""
        latest, oldest = now_ns + MINUTE, now_ns - MINUTE if live else tail.YEAR_2000_NS
        for row in rows:
            moment = row.timestamp
            if moment is None:
                continue
            if not (is_believed := tail.YEAR_2000_NS < moment <= latest):
                moment = now_ns
            beat = moment if moment >= oldest else now_ns
            quiet = row.id <= quiet_until
            if row.is_value:
                self._value(row, moment, beat, quiet=quiet, held=row.process in held)
            if row.is_call:
                key = (row.process, CALLS)
                self._beat(self._find(key, row), self._checks[key].quiet, beat, quiet=quiet)
                if not quiet:
                    self.calls.take(row, min(moment, now_ns), is_believed=is_believed)

    def late(self) -> tuple[set[Key], int] | None:
        """The series that are to be read again, and from which moment on."""
        if not self._late:
            return None
        return set(self._late), following.earliest(self._late.values())

    def take_late(self, rows: Iterable[Arrival], quiet_until: int = 0, held: Collection[str] = ()) -> None:
        """Take the readings that `late` asked for, by (timestamp, id)."""
        by_series: dict[Key, list[Arrival]] = {key: [] for key in self._late}
        for row in rows:
            by_series[row.process, row.data].append(row)
        for key, series in self._late.items():
            newest = following.again(series, by_series[key])
            if newest is None or max(row.id for row in by_series[key]) <= quiet_until:
                continue
            stale = self._checks[key].stale
            self._judge_series(key, stale, newest, max(series.beat_ns, 0), held=series.process in held)
        self._late = {}

    def owe(self) -> None:
        """What was held back before a restart is judged at the next tick."""
        for key, series in self.series.items():
            for check in self._checks[key].stale:
                streak = series.streaks.get(check.variant)
                if streak is not None and check.verdict(streak) != check.holds:
                    self._owed[key] = None

    def tick(self, now_ns: int, writers: Sequence[WriterStatus] = (), held: Collection[str] = ()) -> None:
        """Time has gone on to `now_ns`: silence, periods that have passed, figures of calls, writers."""
        for key in [key for key in self._owed if key[0] not in held]:
            beat_ns = self.series[key].beat_ns
            self._judge_series(key, self._checks[key].stale, self._owed.pop(key), beat_ns, held=False)
        self._silences(now_ns, held)
        self.calls.tick(now_ns)
        self._writers.tick(writers, now_ns)
        self.board.pass_time(now_ns)

    def _value(self, row: Arrival, moment: int, beat: int, *, quiet: bool, held: bool) -> None:
        key = (row.process, row.data)
        series = self._find(key, row)
        reading = following.take(series, row, self.variants)
        found = self._checks[key]
        if reading is None:
            self._late[key] = series
        elif not quiet:
            for check in found.value:
                holds = check.verdict(reading, row.data_value)
                if holds != check.holds or (holds and check.entry.alert.condition is None):
                    check.holds = holds
                    self.board.tell(check.entry, moment, holds, row.data_value, self._told_of(row))
            if found.stale:
                self._judge_series(key, found.stale, row, moment, held=held)
        self._beat(series, found.quiet, beat, quiet=quiet)

    def _judge_series(
        self, key: Key, found: Sequence[StaleCheck], row: Arrival | None, moment: int, *, held: bool
    ) -> None:
        if held:
            self._owed[key] = row
            return
        streaks = self.series[key].streaks
        for check in found:
            streak = streaks.get(check.variant)
            if streak is not None and (holds := check.verdict(streak)) != check.holds:
                check.holds = holds
                told = checks.stale_annotations(streak, row, self._code_of) if holds else None
                self.board.tell(check.entry, moment, holds, streak.text, told)

    def _told_of(self, row: Arrival) -> dict[str, str]:
        return {"summary": f"{row.data} is {row.data_value}", "value": str(row.data_value), **self._code_of(row)}

    def _find(self, key: Key, row: Arrival) -> Series:
        series = self.series.get(key)
        if series is None:
            series = self.series[key] = Series(*key, row.process_group)
            self._of(series)
        self.changed.add(key)
        return series

    def _of(self, series: Series) -> None:
        """Find the checks of a series, and when to look whether it is silent."""
        of_calls = series.data == CALLS
        found = []
        for rule in (*self._exact.get(series.data, ()), *self._loose):
            scope = rule.scope
            fits = scope.holds(series.process, series.process_group, "" if of_calls else series.data)
            wants_calls = isinstance(rule.condition, Silent) and rule.condition.of == "calls"
            if wants_calls == of_calls and (fits or (of_calls and not scope.data)):
                found.append(rule)
        key = (series.process, series.data)
        self._checks[key] = checks.of_series(series, found, self.board)
        for number, quiet in enumerate(self._checks[key].quiet):
            if not quiet.told:
                heapq.heappush(self._due, Due(series.beat_ns + quiet.after_ns, key, number))

    def _beat(self, series: Series, periods: Sequence[Quiet], beat: int, *, quiet: bool) -> None:
        """A series was heard of: a silence that lay before it has ended."""
        before = series.beat_ns
        if beat > before:
            series.beat_ns = beat
        if quiet:
            return
        for number, each in enumerate(periods):
            if before and not each.told and series.beat_ns - before > each.after_ns:
                self._silent(each, before)
            if each.told:
                each.told = False
                heapq.heappush(self._due, Due(series.beat_ns + each.after_ns, (series.process, series.data), number))
                if each.tells:
                    self.board.tell(each.entry, series.beat_ns, condition=False)
                else:
                    self._again(each, series)

    def _again(self, quiet: Quiet, series: Series) -> None:
        """There are data again: what was last known holds, until the checks say otherwise."""
        found = self._checks[series.process, series.data]
        holds = [check.holds for check in found.stale if check.entry is quiet.entry]
        holds += [check.holds for check in found.value if check.entry is quiet.entry]
        self.board.tell(quiet.entry, series.beat_ns, any(holds), quiet.entry.value)

    def _silent(self, quiet: Quiet, since: int) -> None:
        quiet.told = True
        told = {"summary": f"nothing for {quiet.after_ns / SECOND:g} s"}
        self.board.tell(quiet.entry, since + quiet.after_ns, quiet.tells, quiet.entry.value, told)

    def _silences(self, now_ns: int, held: Collection[str]) -> None:
        while self._due and self._due[0].at_ns <= now_ns:
            due = heapq.heappop(self._due)
            series, quiet = self.series[due.key], self._checks[due.key].quiet[due.number]
            at = series.beat_ns + quiet.after_ns
            if quiet.told or not series.beat_ns:
                continue
            if at > now_ns:
                heapq.heappush(self._due, due._replace(at_ns=at))
            elif series.process in held:
                heapq.heappush(self._due, due._replace(at_ns=now_ns + _RETRY_NS))
            else:
                self._silent(quiet, series.beat_ns)


def held_back(writers: Iterable[WriterStatus]) -> set[str]:
    """The processes whose writers are behind: what is not in the log yet can't be missed."""
    return {writer.process for writer in writers if writer.state != "OK"}
