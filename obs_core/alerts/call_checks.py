"""What rules look at in calls: figures over a window, and exception types that were not there before."""

from collections.abc import Sequence
from typing import Final

from obs_core.alerts.board import Board, Entry
from obs_core.alerts.meters import Meter
from obs_core.alerts.rules import Calls, NewException, Rule
from obs_core.rollup.tail import Arrival

_OPEN_CAP: Final = 100_000  # calls without an end whose fuller copy may come
Facts = tuple[int, int | None, bool, list[Meter]]


class CallChecks:
    """The meters of all rules about calls, and the exception types that each rule has met."""

    def __init__(self, rules: Sequence[Rule], board: Board, met: dict[str, set[str]]) -> None:
        """Start with empty meters."""
        self._board = board
        self._meters: list[tuple[Rule, Entry, Meter]] = []
        self._new = [rule for rule in rules if isinstance(rule.condition, NewException)]
        self._met = {rule.name: set(met.get(rule.name, ())) for rule in self._new}
        self._of: dict[tuple[str, str | None, str, str | None], list[Meter]] = {}
        self._open: dict[tuple[str, str], Facts] = {}
        self._next_edge = 0
        self.fresh: list[tuple[str, str]] = []
        for rule in rules:
            if isinstance(rule.condition, Calls):
                self._meters.append((rule, board.entry(rule, _labels(rule)), Meter(rule.condition)))

    @property
    def longest_ns(self) -> int:
        """How far back the meters look."""
        return max((2 * meter.window_ns + meter.step_ns for _, _, meter in self._meters), default=0)

    def take(self, row: Arrival, moment: int, *, quiet: bool) -> None:
        """Count a call; a copy that has its end takes the place of the one that had none."""
        if self._meters:
            self.advance(moment, quiet=quiet)
            self._count(row, moment)
        if row.exception and self._new and not quiet:
            self._exception(row, moment)

    def advance(self, moment: int, *, quiet: bool) -> None:
        """Judge at the edges up to `moment`, before what begins there is counted."""
        if moment < self._next_edge:
            return
        for _, entry, meter in self._meters:
            if not meter.next_edge:
                meter.next_edge = moment - moment % meter.step_ns + meter.step_ns
                meter.begun_ns = meter.begun_ns or moment
            while meter.next_edge <= moment:
                edge = meter.next_edge
                meter.next_edge += meter.step_ns
                if not quiet:
                    self._edge(entry, meter, edge)
                    if not meter.buckets:
                        meter.next_edge = max(meter.next_edge, moment - moment % meter.step_ns)
                meter.forget(edge)
        self._next_edge = min(meter.next_edge for _, _, meter in self._meters)

    def begin(self, moment: int) -> None:
        """All calls since this moment will be counted, also if there are none."""
        for _, _, meter in self._meters:
            meter.begun_ns = moment

    def tick(self, now_ns: int) -> None:
        """Judge at the edges up to now."""
        if self._meters:
            self.advance(now_ns, quiet=False)
            oldest = now_ns - self.longest_ns
            if len(self._open) > _OPEN_CAP:
                self._open = {key: facts for key, facts in self._open.items() if facts[0] >= oldest}

    def _edge(self, entry: Entry, meter: Meter, edge: int) -> None:
        holds, figure = meter.holds(edge)
        if holds == entry.alert.condition:
            return
        value = None if figure is None else f"{figure:.6g}"
        self._board.tell(
            entry, edge, holds, value, {"summary": f"{meter.condition.figure} is {value}", "value": value or ""}
        )

    def _count(self, row: Arrival, moment: int) -> None:
        names = (row.process, row.process_group, row.data, row.function or row.data)
        meters = self._of.get(names)
        if meters is None:
            meters = self._of[names] = [meter for rule, _, meter in self._meters if rule.scope.holds(*names)]
        if not meters:
            return
        is_error = row.status == "ERROR"
        key = (row.trace_id or "", row.span_id or "")
        if row.span_id and (before := self._open.pop(key, None)) is not None:
            for meter in before[3]:
                meter.add(before[0], before[1], is_error=before[2], count=-1)
        if row.span_id and (row.duration_ns is None or (is_error and not row.exception)):  # see store.log.append
            self._open[key] = (moment, row.duration_ns, is_error, meters)
        for meter in meters:
            meter.add(moment, row.duration_ns, is_error=is_error)

    def _exception(self, row: Arrival, moment: int) -> None:
        kind = (row.exception or "").partition(":")[0].strip()[:200]
        function = row.function or row.data
        word = f"{row.process_group or row.process}\n{function}\n{kind}"
        for rule in self._new:
            met = self._met[rule.name]
            if word in met or not rule.scope.holds(row.process, row.process_group, row.data, function):
                continue
            met.add(word)
            self.fresh.append((rule.name, word))
            labels = {"process": row.process, "function": function, "exception": kind}
            entry = self._board.entry(rule, labels)
            told = {
                "summary": f"{function} raised {kind} for the first time",
                "description": (row.exception or "")[:500],
            }
            self._board.tell(entry, moment, True, kind, told)  # noqa: FBT003 - it holds at this moment only
            self._board.tell(entry, moment, False)  # noqa: FBT003


def _labels(rule: Rule) -> dict[str, str]:
    scope = rule.scope
    named = {"process": scope.process, "process_group": scope.group, "data": scope.data, "function": scope.function}
    return {name: text for name, text in named.items() if text}
