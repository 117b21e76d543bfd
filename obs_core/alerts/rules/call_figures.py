"""Evaluates rules on figures of calls over a window: the kinds `error_rate`, `latency` and `throughput`."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from obs_core.alerts.rules.check import Alerts, Check, TrackedAlert
from obs_core.alerts.rules.kind import Field, Kind, Suggestion
from obs_core.alerts.rules.model import Rule, Scope
from obs_core.alerts.rules.sliding_window import Calls, Figure, SlidingWindow
from obs_core.capture.drain.writer_status import WriterStatus
from obs_core.store.tail import TailRow

_MOST_OPEN: Final = 100_000  # calls without an end, which may be replaced by a complete copy
Counted = tuple[int, int | None, bool, list[int]]
"""A counted call: its time and duration in ns, whether it failed, and the indexes of the windows that contain it."""

FIELDS: Final = (
    Field("above", "Above", "number", minimum=None),
    Field("below", "Below", "number", minimum=None),
    Field("changed_percent", "Changed by (%)", "number", help="Compared with the previous window"),
    Field("window", "Window", "period", "5m"),
    Field("min_calls", "Minimum calls", "number", "1", "With fewer calls in the window the rule is not evaluated"),
    Field("percentile", "Percentile", "number", "95"),
)


def figure_kind(name: Figure, summary: str, axis: str, suggestion: Suggestion) -> Kind:
    """Return the kind of rule on one figure of calls."""
    return Kind(
        name,
        summary,
        "calls",
        Calls,
        FIELDS if name == "latency" else FIELDS[:-1],
        suggestion,
        check=CallFigures,
        problem=_problem,
        preset={"figure": name},
        no_data="ok",  # no calls are no reason to alert, as in Prometheus
        axis=axis,
    )


class CallFigures(Check):
    """The sliding windows of all rules on figures of calls; rules with the same scope and window share one."""

    def __init__(self, rules: Sequence[Rule], alerts: Alerts, _: Mapping[str, AbstractSet[str]]) -> None:
        """Start with empty windows."""
        self._alerts = alerts
        self._windows: list[tuple[Scope, SlidingWindow, list[tuple[TrackedAlert, Calls]]]] = []
        self._edges: list[int] = []  # a heap: the times at which windows are evaluated
        self._due: dict[int, set[int]] = {}  # which windows, by edge
        self._by_names: dict[tuple[str, str | None, str, str | None], list[int]] = {}
        self._open: dict[tuple[str, str], Counted] = {}
        shared: dict[tuple[Scope, float], list[tuple[TrackedAlert, Calls]]] = {}
        for rule in rules:
            condition = rule.condition
            assert isinstance(condition, Calls)
            shared.setdefault((rule.scope, condition.window_s), []).append(
                (alerts.tracked(rule, _labels(rule)), condition)
            )
        for (scope, _window_s), readers in shared.items():
            self._windows.append((scope, SlidingWindow([condition for _, condition in readers]), readers))
        self.reach_ns = max((window.reach_ns + window.step_ns for _, window, _ in self._windows), default=0)

    def take(self, row: TailRow, time_ns: int, *, is_trusted: bool = True) -> None:
        """Count a call; if its clock can't be trusted, at the newest time known.

        A copy with an end replaces the one without.
        """
        if is_trusted or self.clock_ns:
            time_ns = time_ns if is_trusted else self.clock_ns
            self._advance(time_ns)
            self._count(row, time_ns)

    def tick(self, now_ns: int, writers: Sequence[WriterStatus] = ()) -> None:  # noqa: ARG002 - of every check
        """Evaluate at the edges up to now."""
        self._advance(now_ns)
        oldest_ns = now_ns - self.reach_ns
        if len(self._open) > _MOST_OPEN:
            self._open = {key: counted for key, counted in self._open.items() if counted[0] >= oldest_ns}

    def resume(self, rows: Iterable[TailRow], start_ns: int, evaluated_ns: int) -> None:
        """Fill the windows again with the calls since `start_ns`."""
        self._start(start_ns)
        for row in rows:
            if row.is_call:
                time_ns = min(row.timestamp, evaluated_ns)
                self._advance(time_ns, quiet=True)
                self._count(row, time_ns)
        self._advance(evaluated_ns, quiet=True)
        for index, (_, window, _) in enumerate(self._windows):
            self._schedule(index, window.request(window.edge_after(self.clock_ns)))

    def _advance(self, time_ns: int, *, quiet: bool = False) -> None:
        """Evaluate at the edges up to `time_ns`, before calls after that edge are counted."""
        if not self.clock_ns:
            self._start(time_ns)
        while self._edges and self._edges[0] <= time_ns:
            edge = heapq.heappop(self._edges)
            for index in sorted(self._due.pop(edge)):
                _, window, readers = self._windows[index]
                change = window.move(edge)
                if quiet or change == "nothing":
                    continue
                for tracked, condition in readers:
                    if change == "window" or condition.changed_percent is not None:
                        holds = window.holds(condition, edge)
                        if holds != tracked.alert.condition:
                            self._report(tracked, condition, edge, holds, window.figure(condition, edge))
        self.clock_ns = max(self.clock_ns, time_ns)

    def _start(self, time_ns: int) -> None:
        self.clock_ns = time_ns
        for index, (_, window, _) in enumerate(self._windows):
            self._schedule(index, window.start(time_ns))

    def _schedule(self, index: int, edges: Iterable[int]) -> None:
        for edge in edges:
            indexes = self._due.get(edge)
            if indexes is None:
                self._due[edge] = {index}
                heapq.heappush(self._edges, edge)
            else:
                indexes.add(index)

    def _report(
        self,
        tracked: TrackedAlert,
        condition: Calls,
        edge: int,
        holds: bool | None,  # noqa: FBT001 - the reported condition
        figure: float | None,
    ) -> None:
        value = None if figure is None else f"{figure:.6g}"
        annotations = {"summary": f"{condition.figure} is {value}", "value": value or ""}
        self._alerts.report(tracked, edge, holds, value, annotations)

    def _count(self, row: TailRow, time_ns: int) -> None:
        names = (row.process, row.process_group, row.data, row.function or row.data)
        indexes = self._by_names.get(names)
        if indexes is None:
            matching = (index for index, (scope, _, _) in enumerate(self._windows) if scope.includes(*names))
            indexes = self._by_names[names] = list(matching)
        if not indexes:
            return
        is_error = row.status == "ERROR"
        counted = (time_ns, row.duration_ns, is_error, indexes)
        if row.span_id:
            key = (row.trace_id or "", row.span_id)
            if (before := self._open.pop(key, None)) is not None:
                self._add(before, -1)
            if row.duration_ns is None or (is_error and not row.exception):  # see store.log.append
                self._open[key] = counted
        self._add(counted, 1)

    def _add(self, counted: Counted, count: int) -> None:
        time_ns, duration_ns, is_error, indexes = counted
        for index in indexes:
            window = self._windows[index][1]
            edges = window.add(time_ns, duration_ns, is_error=is_error, clock_ns=self.clock_ns, count=count)
            self._schedule(index, edges)


def _problem(condition: Calls) -> tuple[str, str] | None:
    if condition.above is None and condition.below is None and condition.changed_percent is None:
        return "above", "is missing: give above, below or changed_percent"
    return ("window", "is shorter than a second") if condition.window_s < 1 else None


def _labels(rule: Rule) -> dict[str, str]:
    scope = rule.scope
    named = {"process": scope.process, "process_group": scope.group, "data": scope.data, "function": scope.function}
    return {name: text for name, text in named.items() if text}
