"""Figures of calls over a sliding window, kept in small buckets: error rate, latency percentile, throughput.

A figure is computed at the edges of buckets, so the time of evaluation does not matter; and only at the edges where a
bucket with calls enters or leaves the window, because it is the same at all others. Latencies go into a histogram of
logarithmic cells 2 % wide, so a percentile is within 1 % of the true one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from obs_core.alerts.rules.model import Condition
from obs_core.clock import SECOND

_BUCKETS: Final = 60
Figure = Literal["error_rate", "latency", "throughput"]
Change = Literal["nothing", "previous window", "window"]
_WIDTH: Final = math.log(1.02)


@dataclass(frozen=True, slots=True)
class Calls(Condition):
    """A figure of the calls in the last `window_s` seconds, over all calls in the scope.

    `figure` is error_rate (0 to 1), latency (ms, of `percentile`) or throughput (calls per second). It is compared with
    the limits `above` and `below`, and by `changed_percent` with the previous window.
    """

    family: ClassVar[str] = "calls"
    figure: Figure = "error_rate"
    window_s: float = 300.0
    above: float | None = None
    below: float | None = None
    changed_percent: float | None = None
    percentile: float = 95.0
    min_calls: int = 1

    @property
    def kind(self) -> str:
        """The name of its figure."""
        return self.figure


@dataclass(slots=True)
class Bucket:
    """Some calls: their number, how many of them failed, and their durations."""

    calls: int = 0
    errors: int = 0
    cells: dict[int, int] = field(default_factory=dict)

    def count(self, number: int, errors: int, cell_number: int | None) -> None:
        """Count `number` calls with durations in a cell of the histogram (negative: subtract them)."""
        self.calls += number
        self.errors += errors
        if cell_number is not None:
            self.cells[cell_number] = self.cells.get(cell_number, 0) + number

    def add(self, other: "Bucket") -> None:
        """Add the calls of `other`."""
        self.calls += other.calls
        self.errors += other.errors
        for cell_number, number in other.cells.items():
            self.cells[cell_number] = self.cells.get(cell_number, 0) + number

    def subtract(self, other: "Bucket") -> None:
        """Subtract the calls of `other`."""
        self.calls -= other.calls
        self.errors -= other.errors
        for cell_number, number in other.cells.items():
            left = self.cells[cell_number] - number
            if left:
                self.cells[cell_number] = left
            else:
                del self.cells[cell_number]


class SlidingWindow:
    """The calls of one scope: buckets by their start, and the sums of the window and of the previous window.

    Calls are counted since `start_ns`; what came before is not known.
    """

    def __init__(self, conditions: Sequence[Calls]) -> None:
        """Start empty; all `conditions` have the same window."""
        window_s = conditions[0].window_s
        self.step_ns = max(SECOND, int(window_s * SECOND) // _BUCKETS)
        self.window_ns = max(1, round(window_s * SECOND / self.step_ns)) * self.step_ns  # whole buckets
        compares = any(condition.changed_percent is not None for condition in conditions)
        self.reach_ns = self.window_ns * (2 if compares else 1)
        self.start_ns = 0
        self._keeps_durations = any(condition.figure == "latency" for condition in conditions)
        self._window, self._previous = Bucket(), Bucket()
        self._buckets: dict[int, Bucket] = {}
        self._moved_to = 0
        self._requested: set[int] = set()

    def edge_after(self, time_ns: int) -> int:
        """Return the first edge after this time."""
        return time_ns - time_ns % self.step_ns + self.step_ns

    def start(self, time_ns: int) -> tuple[int, ...]:
        """Count calls from this time on, also if there are none; return the edges to evaluate."""
        self.start_ns = time_ns
        first = self.edge_after(time_ns)
        full = self.edge_after(time_ns - self.step_ns + self.window_ns - 1)
        return self.request(first, full, full + self.window_ns)

    def request(self, *edges: int) -> tuple[int, ...]:
        """Evaluate at these edges also if no bucket enters or leaves there."""
        self._requested.update(edges)
        return edges

    def add(
        self, time_ns: int, duration_ns: int | None, *, is_error: bool, clock_ns: int, count: int = 1
    ) -> Sequence[int]:
        """Count a call (with `count` -1: subtract it) at `clock_ns`; return the edges to evaluate for it.

        A late call counts from the next edge on.
        """
        step, window = self.step_ns, self.window_ns
        bucket_ns, current_ns = time_ns - time_ns % step, clock_ns - clock_ns % step
        late = current_ns - bucket_ns
        if late > self.reach_ns:
            return ()
        cell_number = cell(duration_ns) if duration_ns is not None and self._keeps_durations else None
        bucket = self._buckets.get(bucket_ns)
        is_new = bucket is None
        if bucket is None:
            bucket = self._buckets[bucket_ns] = Bucket()
        bucket.count(count, count * is_error, cell_number)
        changes = (bucket_ns + step, bucket_ns + window + step, bucket_ns + self.reach_ns + step) if is_new else ()
        if late <= 0:
            return changes
        (self._window if late <= window else self._previous).count(count, count * is_error, cell_number)
        return *self.request(current_ns + step), *(edge for edge in changes if edge > current_ns)

    def move(self, edge: int) -> Change:
        """Move the end of the window to `edge`, without skipping an edge to evaluate; return what has changed."""
        if edge <= self._moved_to:
            return "nothing"
        self._moved_to = edge
        bucket_ns = edge - self.step_ns
        if (entering := self._buckets.get(bucket_ns)) is not None:
            self._window.add(entering)
        if (leaving := self._buckets.get(bucket_ns - self.window_ns)) is not None:
            self._window.subtract(leaving)
            if self.reach_ns > self.window_ns:
                self._previous.add(leaving)
        expired = self._buckets.pop(bucket_ns - self.reach_ns, None)
        if expired is not None and self.reach_ns > self.window_ns:
            self._previous.subtract(expired)
        if entering is None and leaving is None and edge not in self._requested:
            return "previous window"
        self._requested.discard(edge)
        return "window"

    def holds(self, limits: Calls, edge: int) -> bool | None:
        """Whether a condition holds at `edge`, where the window ends; None: no data."""
        counted, figure = self._window, limits.figure
        above, below = limits.above, limits.below
        if above is not None and below is None and limits.changed_percent is None and counted.calls >= limits.min_calls:
            # Fast path, without computing the figure.
            if figure == "error_rate" and counted.calls:
                return counted.errors / counted.calls > above
            if figure == "latency" and counted.cells and _middle_ms(max(counted.cells)) <= above:
                return False
        current = self._figure(limits, counted, edge - self.window_ns)
        if current is None:
            return None
        if (above is not None and current > above) or (below is not None and current < below):
            return True
        if limits.changed_percent is None:
            return False
        before = self._figure(limits, self._previous, edge - 2 * self.window_ns)
        return before is not None and before > 0 and abs(current - before) / before * 100 > limits.changed_percent

    def figure(self, limits: Calls, edge: int) -> float | None:
        """Return the figure at `edge`, where the window ends; None: there is none."""
        return self._figure(limits, self._window, edge - self.window_ns)

    def _figure(self, limits: Calls, counted: Bucket, from_ns: int) -> float | None:
        if limits.figure == "throughput":
            if from_ns < self.start_ns - self.step_ns:
                return None
            return counted.calls / (self.window_ns / SECOND)
        if counted.calls < limits.min_calls or not counted.calls:
            return None
        if limits.figure == "error_rate":
            return counted.errors / counted.calls
        return percentile_ms(counted.cells, limits.percentile)


def cell(duration_ns: int) -> int:
    """Return the cell of the histogram for this duration."""
    return math.ceil(math.log(duration_ns) / _WIDTH) if duration_ns > 0 else -1


def percentile_ms(cells: Mapping[int, int], percentile: float) -> float | None:
    """Return the percentile (0 to 100) of the durations in `cells`, in ms; None if there are none."""
    total = sum(cells.values())
    if total <= 0:
        return None
    rank = percentile / 100 * (total - 1)
    seen = 0
    for number in sorted(cells):
        seen += cells[number]
        if seen > rank:
            return _middle_ms(number)
    return None


def _middle_ms(number: int) -> float:
    """The middle of a cell."""
    return 0.0 if number < 0 else math.exp((number - 0.5) * _WIDTH) / 1e6
