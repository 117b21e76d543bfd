"""The critical path of a trace: the stretches of time that decided when its root ended.

The rule is Jaeger UI's (packages/jaeger-ui/src/components/TracePage/CriticalPath): walk back from the end of the root
to the child that finished last before the point reached, and so on; children are cut to their parents first.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stretch:
    """A call's own part of the critical path: `call` is its position, times are in the unit of the calls."""

    call: int
    start: float
    end: float


@dataclass(slots=True)
class _Call:
    start: float
    end: float
    parent: int
    waiting: list[int]  # children not yet passed on the way back, the last to finish at the end
    counts: bool = True


def critical_path(starts: Sequence[float], durations: Sequence[float], parents: Sequence[int]) -> list[Stretch]:
    """The stretches of the critical path of the first root, latest first.

    Calls stand parents first; `parents` holds positions, -1 for a root.
    """
    calls = _cut(starts, durations, parents)
    if not calls:
        return []
    path: list[Stretch] = []
    at, reached = 0, calls[0].end
    came_back = False
    while at >= 0:
        call = calls[at]
        while call.waiting and came_back and calls[call.waiting[-1]].end >= reached:
            call.waiting.pop()
        child = call.waiting.pop() if call.waiting else None
        begin = call.start if child is None else calls[child].end
        if begin != reached:
            path.append(Stretch(at, begin, reached))
        if child is None:
            reached, at, came_back = call.start, call.parent, True
        else:
            at, reached, came_back = child, calls[child].end, False
    return path


def _cut(starts: Sequence[float], durations: Sequence[float], parents: Sequence[int]) -> list[_Call]:
    """The calls, each cut to its parent; one that lies wholly outside its parent does not count."""
    calls: list[_Call] = []
    for at, (start, duration, parent) in enumerate(zip(starts, durations, parents, strict=True)):
        call = _Call(start, start + duration, parent, [])
        if parent >= 0:
            above = calls[parent]
            call.counts = above.counts and call.start < above.end and call.end > above.start
            call.start, call.end = max(call.start, above.start), min(call.end, above.end)
            if call.counts:
                above.waiting.append(at)
        calls.append(call)
    for call in calls:
        call.waiting.reverse()  # of children that end together the first counts
        call.waiting.sort(key=lambda child: calls[child].end)
    return calls
