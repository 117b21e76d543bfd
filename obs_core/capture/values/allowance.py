"""How much of a program's time the full descriptions of its results may take.

Reading the fields of an object, and of the objects that it refers to, takes 20 to 150 us: a parser that returns nodes
took 20 times as long. A program that returns few objects has all of them in full, a busy loop most of them in short.
"""

from typing import Final

_SHARE: Final = 20  # a twentieth of the time
_MOST_NS: Final = 10_000_000  # at once: some 200 objects
_LONGEST_NS: Final = 500_000  # counted of one description: it may have waited for other threads


class Allowance:
    """The nanoseconds that are left. Threads share it; what they lose to each other does not matter."""

    __slots__ = ("_left_ns", "_since_ns")

    def __init__(self) -> None:
        """All of it is left."""
        self._left_ns = _MOST_NS
        self._since_ns = 0

    def is_left(self, now_ns: int) -> bool:
        """Whether the next result may be described in full."""
        since_ns, self._since_ns = self._since_ns, now_ns
        self._left_ns = min(self._left_ns + (now_ns - since_ns) // _SHARE, _MOST_NS)
        return self._left_ns > 0

    def spend(self, taken_ns: int) -> None:
        """A description took this long."""
        self._left_ns -= min(taken_ns, _LONGEST_NS)


allowance: Final = Allowance()
