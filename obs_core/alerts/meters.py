"""Figures of calls over a sliding window, kept in small buckets: error rate, latency percentile, throughput.

A figure is taken at the edges of buckets, so that it does not matter when one looks. Latencies go into a histogram of
logarithmic cells 2 % wide: a percentile is within 1 % of the true one.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from obs_core.alerts.rules import Calls
from obs_core.clock import SECOND

_BUCKETS: Final = 60
_WIDTH: Final = math.log(1.02)


@dataclass(slots=True)
class Bucket:
    """The calls that started in one bucket of time."""

    calls: int = 0
    errors: int = 0
    cells: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class Meter:
    """The buckets of one rule, by the edge at which each begins; `next_edge` is the next to be judged at.

    `begun_ns` is since when it counts: what was before is not known.
    """

    condition: Calls
    buckets: dict[int, Bucket] = field(default_factory=dict)
    next_edge: int = 0
    begun_ns: int = 0

    @property
    def step_ns(self) -> int:
        """How wide a bucket is."""
        return max(SECOND, int(self.condition.window_s * SECOND) // _BUCKETS)

    @property
    def window_ns(self) -> int:
        """The window, in whole buckets."""
        return max(1, round(self.condition.window_s * SECOND / self.step_ns)) * self.step_ns

    def add(self, moment_ns: int, duration_ns: int | None, *, is_error: bool, count: int = 1) -> None:
        """Count a call (with `count` -1: take one back)."""
        edge = moment_ns - moment_ns % self.step_ns
        bucket = self.buckets.get(edge)
        if bucket is None:
            bucket = self.buckets[edge] = Bucket()
        bucket.calls += count
        bucket.errors += count * is_error
        if duration_ns is not None:
            bucket.cells[cell(duration_ns)] += count

    def figure(self, edge: int) -> float | None:
        """The figure over the window that ends at `edge`; None where there are too few calls."""
        return self._figure(edge - self.window_ns, edge)

    def change(self, edge: int) -> float | None:
        """By how many percent the figure differs from that of the window before."""
        now, before = self.figure(edge), self._figure(edge - 2 * self.window_ns, edge - self.window_ns)
        return None if now is None or not before else abs(now - before) / before * 100

    def holds(self, edge: int) -> tuple[bool | None, float | None]:
        """Whether the condition holds at `edge` (None: nothing to judge), and the figure."""
        limits, figure = self.condition, self.figure(edge)
        if figure is None:
            return None, None
        over = limits.above is not None and figure > limits.above
        under = limits.below is not None and figure < limits.below
        change = self.change(edge) if limits.changed_percent is not None else None
        changed = change is not None and limits.changed_percent is not None and change > limits.changed_percent
        return over or under or changed, figure

    def forget(self, before_ns: int) -> None:
        """Drop the buckets that no window will hold any more."""
        oldest = before_ns - 2 * self.window_ns - self.step_ns
        for edge in [edge for edge in self.buckets if edge < oldest]:
            del self.buckets[edge]

    def _figure(self, from_ns: int, to_ns: int) -> float | None:
        found = [bucket for edge in range(from_ns, to_ns, self.step_ns) if (bucket := self.buckets.get(edge))]
        calls = sum(bucket.calls for bucket in found)
        figure = self.condition.figure
        if figure == "throughput":
            if from_ns < self.begun_ns - self.step_ns:
                return None
            return calls / (self.window_ns / SECOND)
        if calls < max(1, self.condition.min_calls):
            return None
        if figure == "error_rate":
            return sum(bucket.errors for bucket in found) / calls
        cells: Counter[int] = Counter()
        for bucket in found:
            cells.update(bucket.cells)
        return percentile_ms(cells, self.condition.percentile)


def cell(duration_ns: int) -> int:
    """The cell of the histogram that holds this duration."""
    return math.ceil(math.log(duration_ns) / _WIDTH) if duration_ns > 0 else -1


def percentile_ms(cells: Counter[int], percentile: float) -> float | None:
    """The percentile (0 to 100) of the durations in `cells`, in ms; None if there are none."""
    total = sum(cells.values())
    if total <= 0:
        return None
    rank = percentile / 100 * (total - 1)
    seen = 0
    for number in sorted(cells):
        seen += cells[number]
        if seen > rank:
            return 0.0 if number < 0 else math.exp((number - 0.5) * _WIDTH) / 1e6
    return None
