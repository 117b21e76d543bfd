"""The rule kind `drift`: the mean of a series differs from the mean of the window before.

A window has whole buckets of a twelfth of its length, and ends at a multiple of that length. At each such edge the mean
of the readings in the last window is compared with the mean of those in the window before; readings that are missing or
not finite numbers are left out. The change is (mean - before) / |before|. After a mean of exactly 0 any other mean is
an infinite change, so it fires; 0 after 0 does not. A late reading counts from the next edge on.
"""

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from obs_core.alerts.rules.check import Alerts, Check, TrackedAlert
from obs_core.alerts.rules.kind import Field, Kind, Suggestion
from obs_core.alerts.rules.model import Condition, Rule
from obs_core.capture.drain.writer_status import WriterStatus
from obs_core.clock import SECOND
from obs_core.series.streaks import reading_key
from obs_core.store.tail import TailRow

BUCKETS: Final = 12  # per window; 10,000 series with two full windows of them take 50 MB
Direction = Literal["both", "up", "down"]


@dataclass(frozen=True, slots=True)
class Drift(Condition):
    """The mean over `window_s` seconds differs from the one before by more than `percent`, in this direction."""

    family: ClassVar[str] = "drift"
    window_s: float = 3600.0
    percent: float = 20.0
    direction: Direction = "both"
    min_readings: int = 5

    @property
    def step_ns(self) -> int:
        """The length of a bucket."""
        return max(SECOND, round(self.window_s * SECOND / BUCKETS))

    @property
    def window_ns(self) -> int:
        """The length of a window: whole buckets."""
        return max(1, round(self.window_s * SECOND / self.step_ns)) * self.step_ns

    def exceeds(self, change_percent: float) -> bool:
        """Whether a change is too large, in the direction of the rule."""
        size = {"both": abs(change_percent), "up": change_percent, "down": -change_percent}[self.direction]
        return size > self.percent


@dataclass(slots=True)
class Watched:
    """One series by one rule: the number and sum of its readings by the start of their bucket."""

    tracked: TrackedAlert
    condition: Drift
    step_ns: int
    window_ns: int
    buckets: dict[int, list[float]] = field(default_factory=dict)

    def add(self, time_ns: int, number: float, clock_ns: int) -> list[int]:
        """Count a reading; return the edges at which the means may change."""
        step_ns, window_ns = self.step_ns, self.window_ns
        bucket_ns, current_ns = time_ns - time_ns % step_ns, clock_ns - clock_ns % step_ns
        if current_ns - bucket_ns >= 2 * window_ns:
            return []
        if (bucket := self.buckets.get(bucket_ns)) is not None:
            bucket[0] += 1
            bucket[1] += number
            return [current_ns + step_ns] if bucket_ns < current_ns else []
        self.buckets[bucket_ns] = [1, number]
        enters = max(bucket_ns, current_ns) + step_ns
        edges = (bucket_ns + window_ns + step_ns, bucket_ns + 2 * window_ns + step_ns)
        return [enters, *(edge for edge in edges if edge > enters)]

    def means(self, edge_ns: int) -> tuple[float, float] | None:
        """Return the means of the last window and of the one before; None: one has too few readings."""
        window_ns = self.window_ns
        self.buckets = {start: bucket for start, bucket in self.buckets.items() if start >= edge_ns - 2 * window_ns}
        last = [bucket for start, bucket in self.buckets.items() if edge_ns - window_ns <= start < edge_ns]
        before = [bucket for start, bucket in self.buckets.items() if start < edge_ns - window_ns]
        counts = [sum(bucket[0] for bucket in part) for part in (last, before)]
        if min(counts) < max(1, self.condition.min_readings):
            return None
        sums = [math.fsum(bucket[1] for bucket in part) for part in (last, before)]
        return sums[0] / counts[0], sums[1] / counts[1]


class DriftChecks(Check):
    """All drift rules over all series; a heap has the times at which series are evaluated."""

    def __init__(self, rules: Sequence[Rule], alerts: Alerts, _: Mapping[str, AbstractSet[str]]) -> None:
        """Start without knowing any series."""
        self._alerts = alerts
        self._rules = [(rule, rule.condition) for rule in rules if isinstance(rule.condition, Drift)]
        self._series: dict[tuple[str, str], list[Watched]] = {}
        self._due: dict[int, dict[int, Watched]] = {}
        self._edges: list[int] = []
        self.reach_ns = max(2 * condition.window_ns + condition.step_ns for _, condition in self._rules)

    def take(self, row: TailRow, time_ns: int, *, is_trusted: bool = True) -> None:
        """Count a reading; if its clock can't be trusted, at the newest time known."""
        if not is_trusted and not self.clock_ns:
            return
        time_ns = time_ns if is_trusted else self.clock_ns
        self._advance(time_ns)
        self._count(row, time_ns)

    def tick(self, now_ns: int, writers: Sequence[WriterStatus] = ()) -> None:  # noqa: ARG002 - of every check
        """Evaluate at the edges up to now."""
        self._advance(now_ns)

    def resume(self, rows: Iterable[TailRow], start_ns: int, evaluated_ns: int) -> None:
        """Fill the buckets again with the readings since `start_ns`."""
        self.clock_ns = start_ns
        for row in rows:
            if row.is_value:
                time_ns = min(row.timestamp, evaluated_ns)
                self._advance(time_ns, quiet=True)
                self._count(row, time_ns)
        self._advance(evaluated_ns, quiet=True)
        for watched in (watched for group in self._series.values() for watched in group):
            step_ns = watched.step_ns
            self._schedule(watched, [self.clock_ns - self.clock_ns % step_ns + step_ns])

    def _count(self, row: TailRow, time_ns: int) -> None:
        key = (row.process, row.data)
        group = self._series.get(key)
        if group is None:
            labels = {"process": row.process, "data": row.data}
            group = self._series[key] = [
                Watched(self._alerts.tracked(rule, labels), condition, condition.step_ns, condition.window_ns)
                for rule, condition in self._rules
                if rule.scope.includes(row.process, row.process_group, row.data)
            ]
        if not group:
            return
        number = reading_key(row.data_type, row.data_value).number
        if number is not None and math.isfinite(number):
            for watched in group:
                self._schedule(watched, watched.add(time_ns, number, self.clock_ns))

    def _schedule(self, watched: Watched, edges: Iterable[int]) -> None:
        for edge_ns in edges:
            if edge_ns not in self._due:
                self._due[edge_ns] = {}
                heapq.heappush(self._edges, edge_ns)
            self._due[edge_ns][id(watched)] = watched

    def _advance(self, time_ns: int, *, quiet: bool = False) -> None:
        while self._edges and self._edges[0] <= time_ns:
            edge_ns = heapq.heappop(self._edges)
            for watched in self._due.pop(edge_ns).values():
                means = watched.means(edge_ns)
                if not quiet:
                    self._report(watched, edge_ns, means)
        self.clock_ns = max(self.clock_ns, time_ns)

    def _report(self, watched: Watched, edge_ns: int, means: tuple[float, float] | None) -> None:
        change = None if means is None else change_percent(*means)
        holds = None if change is None else watched.condition.exceeds(change)
        last = watched.tracked.alert.condition
        if holds == last or (holds is None and not last and watched.tracked.rule.no_data != "alert"):
            return  # the second: 10,000 short series would otherwise have 10,000 alerts without data
        value, annotations = None, {}
        if means is not None and change is not None:
            value = f"{means[0]:.6g}"
            summary = f"mean {value}, {change:+.3g} % from {means[1]:.6g} in the window before"
            annotations = {"summary": summary, "value": value, "before": f"{means[1]:.6g}"}
        self._alerts.report(watched.tracked, edge_ns, holds, value, annotations)


def change_percent(mean: float, before: float) -> float:
    """Return the change from `before` in percent of its size; after 0 infinite, unless both are 0."""
    if before == 0:
        return math.copysign(math.inf, mean) if mean else 0.0
    return (mean - before) / abs(before) * 100


def _problem(condition: Drift) -> tuple[str, str] | None:
    return ("window", "is shorter than a second") if condition.window_s < 1 else None


KIND: Final = Kind(
    "drift",
    "The mean of a value changes by more than x % from one window to the next.",
    "values",
    Drift,
    (
        Field("percent", "Changed by (%)", "number", "20", "Compared with the window before; after a mean of 0: any"),
        Field("window", "Window", "period", "1h"),
        Field("direction", "Direction", "choice", "both", "Which changes fire", ("both", "up", "down")),
        Field("min_readings", "Minimum readings", "number", "5", "With fewer in a window the rule is not evaluated"),
    ),
    Suggestion("Mean changed by 20 % in an hour", {"percent": "20", "window": "1h"}, numbers_only=True),
    check=DriftChecks,
    problem=_problem,
    no_data="ok",
)
