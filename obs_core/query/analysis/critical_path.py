"""The critical path of a trace: the intervals of time that determined when its root ended.

The rule is Jaeger UI's (packages/jaeger-ui/src/components/TracePage/CriticalPath): walk back from the end of the root
to the child that finished last before that time, and so on; children are clipped to their parents first.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the critical path: the time that `call` (its index) spent in itself, in the unit of the calls."""

    call: int
    start: float
    end: float


def critical_path(starts: Sequence[float], durations: Sequence[float], parents: Sequence[int]) -> list[Stretch]:
    """The intervals of the critical path of the first root, latest first.

    Parents come before their children; `parents` has their indexes, -1 for a root.
    """
    begins, ends, waiting = _clipped(starts, durations, parents)
    if not begins:
        return []
    path: list[Stretch] = []
    at, reached = 0, ends[0]
    came_back = False
    while at >= 0:
        children = waiting.get(at, [])
        while children and came_back and ends[children[-1]] >= reached:
            children.pop()
        child = children.pop() if children else None
        begin = begins[at] if child is None else ends[child]
        if begin != reached:
            path.append(Stretch(at, begin, reached))
        if child is None:
            reached, at, came_back = begins[at], parents[at], True
        else:
            at, reached, came_back = child, ends[child], False
    return path


def _clipped(
    starts: Sequence[float], durations: Sequence[float], parents: Sequence[int]
) -> tuple[list[float], list[float], dict[int, list[int]]]:
    """The calls' starts and ends, each clipped to its parent, and the children that count, the last to finish last.

    A call entirely outside its parent does not count, nor do its descendants. Columns instead of objects: a trace of
    20,000 calls takes a third of the time.
    """
    begins, ends = list(starts), [start + duration for start, duration in zip(starts, durations, strict=True)]
    waiting: dict[int, list[int]] = {}
    outside: set[int] = set()
    for at, parent in enumerate(parents):
        if parent < 0:
            continue
        if parent in outside or begins[at] >= ends[parent] or ends[at] <= begins[parent]:
            outside.add(at)
        else:
            waiting.setdefault(parent, []).append(at)
        begins[at], ends[at] = max(begins[at], begins[parent]), min(ends[at], ends[parent])
    for children in waiting.values():
        children.reverse()  # of children with the same end the first counts
        children.sort(key=ends.__getitem__)
    return begins, ends, waiting
