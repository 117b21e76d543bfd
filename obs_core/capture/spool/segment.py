"""A segment: one part of a spool's ring."""

import mmap
from contextlib import suppress


class Segment:
    """One part of the ring; `sequence` is its number in the order of writing, 0 while it is free."""

    __slots__ = ("index", "memory", "sequence")

    def __init__(self, memory: mmap.mmap, index: int) -> None:
        """The segment `index`, over its own mapping."""
        self.memory = memory
        self.index = index
        self.sequence = 0


def popped(segments: list[Segment]) -> Segment | None:
    """The last of `segments`, taken from them; None if there are none. One C call, so no thread comes between."""
    with suppress(IndexError):
        return segments.pop()
    return None
