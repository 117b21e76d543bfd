"""Figures of calls over a sliding window, kept in small buckets: error rate, latency percentile, throughput.

A figure is taken at the edges of buckets, so that it does not matter when one looks; and only at those where a bucket
that holds calls enters or leaves the window, since it is the same at all others. Latencies go into a histogram of
logarithmic cells 2 % wide: a percentile is within 1 % of the true one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from obs_core.alerts.rules.model import Calls
from obs_core.clock import SECOND

_BUCKETS: Final = 60
Change = Literal["nothing", "the one before", "the window"]
_WIDTH: Final = math.log(1.02)


@dataclass(slots=True)
class Bucket:
    """Some calls: how many, how many of them failed, and their durations."""

    calls: int = 0
    errors: int = 0
    cells: dict[int, int] = field(default_factory=dict)

    def count(self, number: int, errors: int, place: int | None) -> None:
        """Count `number` calls with durations in the cell `place` (negative: take them back)."""
        self.calls += number
        self.errors += errors
        if place is not None:
            self.cells[place] = self.cells.get(place, 0) + number

    def take(self, other: "Bucket") -> None:
        """Count the calls of `other` too."""
        self.calls += other.calls
        self.errors += other.errors
        for place, number in other.cells.items():
            self.cells[place] = self.cells.get(place, 0) + number

    def leave(self, other: "Bucket") -> None:
        """Do not count the calls of `other` any more."""
        self.calls -= other.calls
        self.errors -= other.errors
        for place, number in other.cells.items():
            left = self.cells[place] - number
            if left:
                self.cells[place] = left
            else:
                del self.cells[place]


class SlidingWindow:
    """The calls of one scope: buckets by the edge at which each begins, the sums of the window and of the one before.

    `begun_ns` is since when it counts: what was before is not known.
    """

    def __init__(self, conditions: Sequence[Calls]) -> None:
        """Nothing is counted yet; all `conditions` have the same window."""
        window_s = conditions[0].window_s
        self.step_ns = max(SECOND, int(window_s * SECOND) // _BUCKETS)
        self.window_ns = max(1, round(window_s * SECOND / self.step_ns)) * self.step_ns  # whole buckets
        compares = any(condition.changed_percent is not None for condition in conditions)
        self.reach_ns = self.window_ns * (2 if compares else 1)
        self.begun_ns = 0
        self._keeps_durations = any(condition.figure == "latency" for condition in conditions)
        self._window, self._before = Bucket(), Bucket()
        self._buckets: dict[int, Bucket] = {}
        self._moved_to = 0
        self._asked: set[int] = set()

    def edge_after(self, moment_ns: int) -> int:
        """The first edge behind this moment."""
        return moment_ns - moment_ns % self.step_ns + self.step_ns

    def begin(self, moment_ns: int) -> tuple[int, ...]:
        """All calls since this moment will be counted, also if there are none; the edges to be looked at."""
        self.begun_ns = moment_ns
        first = self.edge_after(moment_ns)
        whole = self.edge_after(moment_ns - self.step_ns + self.window_ns - 1)
        return self.look_at(first, whole, whole + self.window_ns)

    def look_at(self, *edges: int) -> tuple[int, ...]:
        """Look at these edges also if no bucket enters or leaves there."""
        self._asked.update(edges)
        return edges

    def add(
        self, moment_ns: int, duration_ns: int | None, *, is_error: bool, clock_ns: int, count: int = 1
    ) -> Sequence[int]:
        """Count a call (with `count` -1: take one back) at `clock_ns`; the edges that are to be looked at for it.

        One that comes late counts from the next edge on.
        """
        step, window = self.step_ns, self.window_ns
        begins, judged = moment_ns - moment_ns % step, clock_ns - clock_ns % step
        late = judged - begins
        if late > self.reach_ns:
            return ()
        place = cell(duration_ns) if duration_ns is not None and self._keeps_durations else None
        bucket = self._buckets.get(begins)
        is_new = bucket is None
        if bucket is None:
            bucket = self._buckets[begins] = Bucket()
        bucket.count(count, count * is_error, place)
        changes = (begins + step, begins + window + step, begins + self.reach_ns + step) if is_new else ()
        if late <= 0:
            return changes
        (self._window if late <= window else self._before).count(count, count * is_error, place)
        return *self.look_at(judged + step), *(edge for edge in changes if edge > judged)

    def move(self, edge: int) -> Change:
        """Let the window end at `edge`, no edge that was to be looked at being left out; what that has changed."""
        if edge <= self._moved_to:
            return "nothing"
        self._moved_to = edge
        begins = edge - self.step_ns
        if (entering := self._buckets.get(begins)) is not None:
            self._window.take(entering)
        if (leaving := self._buckets.get(begins - self.window_ns)) is not None:
            self._window.leave(leaving)
            if self.reach_ns > self.window_ns:
                self._before.take(leaving)
        if (gone := self._buckets.pop(begins - self.reach_ns, None)) is not None and self.reach_ns > self.window_ns:
            self._before.leave(gone)
        if entering is None and leaving is None and edge not in self._asked:
            return "the one before"
        self._asked.discard(edge)
        return "the window"

    def holds(self, limits: Calls, edge: int) -> bool | None:
        """Whether a condition holds at `edge`, to which it was moved; None: there is nothing to judge."""
        counted, figure = self._window, limits.figure
        above, below = limits.above, limits.below
        if above is not None and below is None and limits.changed_percent is None and counted.calls >= limits.min_calls:
            # The usual case, without looking for the figure itself.
            if figure == "error_rate" and counted.calls:
                return counted.errors / counted.calls > above
            if figure == "latency" and counted.cells and _middle_ms(max(counted.cells)) <= above:
                return False
        found = self._figure(limits, counted, edge - self.window_ns)
        if found is None:
            return None
        if (above is not None and found > above) or (below is not None and found < below):
            return True
        if limits.changed_percent is None:
            return False
        before = self._figure(limits, self._before, edge - 2 * self.window_ns)
        return before is not None and before > 0 and abs(found - before) / before * 100 > limits.changed_percent

    def figure(self, limits: Calls, edge: int) -> float | None:
        """The figure at `edge`, to which it was moved; None: there is none."""
        return self._figure(limits, self._window, edge - self.window_ns)

    def _figure(self, limits: Calls, counted: Bucket, from_ns: int) -> float | None:
        if limits.figure == "throughput":
            if from_ns < self.begun_ns - self.step_ns:
                return None
            return counted.calls / (self.window_ns / SECOND)
        if counted.calls < limits.min_calls or not counted.calls:
            return None
        if limits.figure == "error_rate":
            return counted.errors / counted.calls
        return percentile_ms(counted.cells, limits.percentile)


def cell(duration_ns: int) -> int:
    """The cell of the histogram that holds this duration."""
    return math.ceil(math.log(duration_ns) / _WIDTH) if duration_ns > 0 else -1


def percentile_ms(cells: Mapping[int, int], percentile: float) -> float | None:
    """The percentile (0 to 100) of the durations in `cells`, in ms; None if there are none."""
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
