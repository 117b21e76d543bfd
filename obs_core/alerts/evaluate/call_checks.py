"""What rules look at in calls: figures over a window, and exception types that were not there before."""

import heapq
from collections.abc import Iterable, Sequence
from typing import Final

from obs_core.alerts.evaluate.alert_set import AlertSet, TrackedAlert
from obs_core.alerts.evaluate.sliding_window import SlidingWindow
from obs_core.alerts.rules.model import Calls, NewException, Rule, Scope
from obs_core.store.tail import TailRow

_OPEN_CAP: Final = 100_000  # calls without an end whose fuller copy may come
Facts = tuple[int, int | None, bool, list[int]]


class CallChecks:
    """The meters of all rules about calls, and the exception types that each rule has met.

    `clock_ns` is the moment up to which edges were judged; 0: nothing was.
    """

    def __init__(self, rules: Sequence[Rule], board: AlertSet, met: dict[str, set[str]]) -> None:
        """Start with empty meters."""
        self._board = board
        self._meters: list[tuple[Scope, SlidingWindow, list[tuple[TrackedAlert, Calls]]]] = []
        self._edges: list[int] = []  # a heap: when meters are to be looked at
        self._due: dict[int, set[int]] = {}  # at each of them, which ones
        self.clock_ns = 0
        self._new = [rule for rule in rules if isinstance(rule.condition, NewException)]
        self._met = {rule.name: set(met.get(rule.name, ())) for rule in self._new}
        self._of: dict[tuple[str, str | None, str, str | None], list[int]] = {}
        self._open: dict[tuple[str, str], Facts] = {}
        self.fresh: list[tuple[str, str]] = []
        shared: dict[tuple[Scope, float], list[tuple[TrackedAlert, Calls]]] = {}
        for rule in rules:
            if isinstance(condition := rule.condition, Calls):
                entry = board.entry(rule, _labels(rule))
                shared.setdefault((rule.scope, condition.window_s), []).append((entry, condition))
        for (scope, _), readers in shared.items():
            self._meters.append((scope, SlidingWindow([condition for _, condition in readers]), readers))

    @property
    def longest_ns(self) -> int:
        """How far back the meters look."""
        return max((meter.reach_ns + meter.step_ns for _, meter, _ in self._meters), default=0)

    def take(self, row: TailRow, moment: int, *, is_believed: bool = True) -> None:
        """Count a call; one whose clock is not believed counts at the newest moment that was told.

        A copy that has its end takes the place of the one that had none.
        """
        if self._meters and (is_believed or self.clock_ns):
            at = moment if is_believed else self.clock_ns
            self.advance(at)
            self._count(row, at)
        if row.exception and self._new:
            self._exception(row, moment)

    def advance(self, moment: int, *, quiet: bool = False) -> None:
        """Judge at the edges up to `moment`, before what begins there is counted."""
        if not self.clock_ns:
            self._begin(moment)
        while self._edges and self._edges[0] <= moment:
            edge = heapq.heappop(self._edges)
            for number in sorted(self._due.pop(edge)):
                _, meter, readers = self._meters[number]
                change = meter.move(edge)
                if quiet or change == "nothing":
                    continue
                for entry, condition in readers:
                    if change == "the window" or condition.changed_percent is not None:
                        holds = meter.holds(condition, edge)
                        if holds != entry.alert.condition:
                            self._tell(entry, condition, edge, holds, meter.figure(condition, edge))
        self.clock_ns = max(self.clock_ns, moment)

    def resume(self, rows: Iterable[TailRow], begun_ns: int, judged_ns: int) -> None:
        """Go on from `judged_ns`, up to which edges were judged; `rows` are the calls since `begun_ns`, by id."""
        self._begin(begun_ns)
        for row in rows:
            if row.is_call:
                moment = min(row.timestamp, judged_ns)
                self.advance(moment, quiet=True)
                self._count(row, moment)
        self.advance(judged_ns, quiet=True)
        for number, (_, meter, _) in enumerate(self._meters):
            self._look(number, meter.look_at(meter.edge_after(self.clock_ns)))

    def tick(self, now_ns: int) -> None:
        """Judge at the edges up to now."""
        if self._meters:
            self.advance(now_ns)
            oldest = now_ns - self.longest_ns
            if len(self._open) > _OPEN_CAP:
                self._open = {key: facts for key, facts in self._open.items() if facts[0] >= oldest}

    def _begin(self, moment: int) -> None:
        self.clock_ns = moment
        for number, (_, meter, _) in enumerate(self._meters):
            self._look(number, meter.begin(moment))

    def _look(self, number: int, edges: Iterable[int]) -> None:
        for edge in edges:
            numbers = self._due.get(edge)
            if numbers is None:
                self._due[edge] = {number}
                heapq.heappush(self._edges, edge)
            else:
                numbers.add(number)

    def _tell(self, entry: TrackedAlert, condition: Calls, edge: int, holds: bool | None, figure: float | None) -> None:  # noqa: FBT001 - the fact that is told
        value = None if figure is None else f"{figure:.6g}"
        told = {"summary": f"{condition.figure} is {value}", "value": value or ""}
        self._board.tell(entry, edge, holds, value, told)

    def _count(self, row: TailRow, moment: int) -> None:
        names = (row.process, row.process_group, row.data, row.function or row.data)
        numbers = self._of.get(names)
        if numbers is None:
            fit = (number for number, (scope, _, _) in enumerate(self._meters) if scope.holds(*names))
            numbers = self._of[names] = list(fit)
        if not numbers:
            return
        is_error = row.status == "ERROR"
        facts = (moment, row.duration_ns, is_error, numbers)
        if row.span_id:
            key = (row.trace_id or "", row.span_id)
            if (before := self._open.pop(key, None)) is not None:
                self._add(before, -1)
            if row.duration_ns is None or (is_error and not row.exception):  # see store.log.append
                self._open[key] = facts
        self._add(facts, 1)

    def _add(self, facts: Facts, count: int) -> None:
        moment, duration_ns, is_error, numbers = facts
        for number in numbers:
            meter = self._meters[number][1]
            edges = meter.add(moment, duration_ns, is_error=is_error, clock_ns=self.clock_ns, count=count)
            self._look(number, edges)

    def _exception(self, row: TailRow, moment: int) -> None:
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
