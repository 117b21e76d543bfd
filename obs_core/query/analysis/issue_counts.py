"""Counts exceptions by issue: from single failed calls, and from rollups of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from obs_core.clock import DAY, HOUR, Window
from obs_core.issues import Issue, title_of

POINTS: Final = 30
"""The most slices of time of a trend."""
_FINE: Final = 6 * HOUR
_STEPS: Final = tuple(hours * HOUR for hours in (1, 2, 3, 6, 12))


@dataclass(frozen=True, slots=True)
class Slices:
    """The slices of time of the trends in a window: 30 equal ones, or, of more than six hours, at most 30 whole hours.

    Those of one or more hours, or days, start at whole multiples of their length (UTC): rollups by hour fit into them.
    """

    origin_ns: int
    step_ns: float
    count: int

    @property
    def are_hours(self) -> bool:
        """Whether each slice consists of whole hours."""
        return self.step_ns >= HOUR

    def at(self, timestamp: int) -> int:
        """The number of the slice that a time is in."""
        return max(0, min(self.count - 1, int((timestamp - self.origin_ns) // self.step_ns)))


def slices_of(window: Window) -> Slices:
    """The slices of a window."""
    if window.length_ns <= _FINE:
        return Slices(window.from_ns, max(1, window.length_ns) / POINTS, POINTS)
    days = -(-window.length_ns // (DAY * (POINTS - 1))) * DAY
    for step in (*_STEPS, days):
        origin = window.from_ns // step * step
        count = -(-(window.to_ns - origin) // step)
        if count <= POINTS:
            return Slices(origin, step, count)
    raise AssertionError


class Raised(NamedTuple):
    """The newest exception of an issue."""

    ns: int
    id: int
    function: str
    exception: str | None
    process: str | None
    trace_id: str | None
    span_id: str | None
    run_id: int | None


@dataclass(slots=True)
class IssueCount:
    """The exceptions of one issue; `raised` and `passed` have time and id of the newest call of each function."""

    trend: list[int]
    calls: int = 0
    first_ns: int = 0
    newest: Raised | None = None
    raised: dict[str, tuple[int, int]] = field(default_factory=dict)
    passed: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The text of the newest exception, without what varies."""
        assert self.newest
        return title_of(self.newest.exception or "")

    @property
    def functions(self) -> list[str]:
        """The functions that the exceptions passed, innermost first, those with the newest calls first."""
        ordered = (sorted(some, key=some.__getitem__, reverse=True) for some in (self.raised, self.passed))
        return list(dict.fromkeys(name for names in ordered for name in names))


class IssueCounts:
    """The issues of a window, as calls and rollups are added in any order."""

    def __init__(self, slices: Slices) -> None:
        """No issues, with trends in `slices`."""
        self.slices = slices
        self._counts: dict[Issue, IssueCount] = {}

    def add(self, issue: Issue, call: Raised, *, raised: bool) -> None:
        """Count a failed call that raised the exception, or that it passed."""
        one = self._of(issue)
        if not raised:
            _note(one.passed, call.function, (call.ns, call.id))
            return
        self._raise(one, call, call.ns)
        one.calls += 1
        one.trend[self.slices.at(call.ns)] += 1

    def add_rolled(self, row: Mapping[str, Any]) -> None:
        """Count a row of `RolledFailures`."""
        one = self._of(Issue(row["type"], row["location"], row["key"]))
        if (at := row["passed_at"]) is not None:
            _note(one.passed, row["function"], (at["ns"], at["id"]))
        if (at := row["raised_at"]) is None:
            return
        self._raise(one, Raised(at["ns"], at["id"], row["function"], **row["newest"]), row["first_ns"])
        for number, count in zip(row["slices"], row["counts"], strict=True):
            one.calls += count
            one.trend[number] += count

    def listed(self) -> list[tuple[Issue, IssueCount]]:
        """The issues, most frequent first, then the newest; without those of exceptions raised elsewhere."""
        listed = [(issue, one) for issue, one in self._counts.items() if one.newest]
        return sorted(listed, key=lambda pair: (pair[1].calls, (pair[1].newest or ())[:2], pair[0]), reverse=True)

    def _of(self, issue: Issue) -> IssueCount:
        if issue not in self._counts:
            self._counts[issue] = IssueCount([0] * self.slices.count)
        return self._counts[issue]

    def _raise(self, one: IssueCount, call: Raised, first_ns: int) -> None:
        _note(one.raised, call.function, (call.ns, call.id))
        one.first_ns = first_ns if one.newest is None else min(one.first_ns, first_ns)
        if one.newest is None or call[:2] > one.newest[:2]:
            one.newest = call


def _note(newest: dict[str, tuple[int, int]], function: str, at: tuple[int, int]) -> None:
    if at > newest.get(function, at[:0]):
        newest[function] = at
