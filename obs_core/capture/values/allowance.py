"""How much of a program's time the descriptions of its results may take.

Reading the fields of an object, and of the objects that it refers to, takes 20 to 150 us: a parser that returns nodes
took 20 times as long. A program that returns few objects has all of them in full, a busy loop most of them in short
(3 to 7 us), and a loop that does little but return objects only their types (0.3 us).
"""

from typing import Any, Final

_SHARE: Final = 20  # a twentieth of the time
_MOST_NS: Final = 10_000_000  # at once: some 200 objects in full
_LONGEST_NS: Final = 500_000  # counted of one description: it may have waited for other threads


class Allowance:
    """The time from which on there is some left. Threads share it; what they lose to each other does not matter."""

    __slots__ = ("used_until_ns",)

    def __init__(self) -> None:
        """All of it is left."""
        self.used_until_ns = -(1 << 63)

    def is_left(self, now_ns: int) -> bool:
        """Whether the next result may be described."""
        return now_ns >= self.used_until_ns

    def spend(self, taken_ns: int, now_ns: int) -> None:
        """A description that ends now took this long."""
        since_ns = max(self.used_until_ns, now_ns - _SHARE * _MOST_NS)
        self.used_until_ns = since_ns + _SHARE * min(taken_ns, _LONGEST_NS)


allowance: Final = Allowance()
"""For descriptions in full."""
short_allowance: Final = Allowance()
"""For descriptions in short, once the other is used up."""
named: Final[dict[int, tuple[type, dict[str, Any]]]] = {}
"""The descriptions of objects by their type alone, by the id of the type: a metaclass may define `__hash__`."""
