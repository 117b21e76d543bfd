"""The sequence numbers of segments: each number belongs to one segment, or to none and is skipped.

A thread takes a number, writes it to its segment, and then to the header. A signal handler may raise an exception
between any two of these instructions: then a number has no segment, or one that the header does not know. Or the thread
is only slow. So a thread reads `_skipped` after it wrote its number, and the numbers are read after `_skipped` was
written: one of the two sees the other.
"""

import itertools
from collections.abc import Collection, Sequence

from obs_core.capture.spool.header import Header
from obs_core.capture.spool.segment import Segment


class Numbering:
    """Gives numbers to segments, in any thread and signal handler."""

    def __init__(self, segments: Sequence[Segment], header: Header) -> None:
        """The first number is 1."""
        self._segments, self._header = segments, header
        self._numbers = itertools.count(1)
        self._skipped = 0

    def give(self, segment: Segment) -> None:
        """Give `segment` the next number; another one if that was skipped meanwhile."""
        while segment.sequence <= self._skipped:
            segment.sequence = next(self._numbers)
        self._header.set_sequence(segment.index, segment.sequence)

    def skip_missing(self, newest: int) -> None:
        """From now on no segment gets a number below `newest`; the header has those that segments have."""
        if self._header.skipped >= newest - 1:
            return
        self._skipped = max(self._skipped, newest - 1)
        for segment in self._segments:
            if 0 < segment.sequence < newest:
                self._header.set_sequence(segment.index, segment.sequence)
        self._header.skipped = newest - 1


def number_to_read(sequence: int, numbers: Collection[int], skipped: int) -> int:
    """The number to read at after everything before `sequence` was read.

    That is `sequence`, unless it is missing from the `numbers` of segments and was skipped. `skipped` was read first.
    """
    if sequence in numbers or sequence > skipped:
        return sequence
    return min([skipped + 1, *(number for number in numbers if number > sequence)])
