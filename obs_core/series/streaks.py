"""Streaks of equal readings: equality with a tolerance, missing readings, and values that may repeat.

There are two ways to the same streaks: `streaks` merges all runs of a series at once (as `values/runs.sql` packs them),
and `Streak` takes one reading after the other. `reading_key` defines equality in the same way as that SQL.
"""

import math
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, pairwise
from typing import Final, Literal, NamedTuple

Missing = Literal["value", "skip", "break"]
SortKey = tuple[int, int]
"""The order of readings in a series: (timestamp, id)."""

_NUMERIC: Final = re.compile(
    r"([A-Za-z_]+\.)*([Uu]?[Ii]nt|[Ff]loat|[Dd]ouble|[Dd]ecimal|[Rr]eal|[Nn]um|INT|FLOAT|DOUBLE|REAL|NUM|\Z)"
)
_WRAPPED: Final = re.compile(r"(?:np\.[a-z0-9]+|Decimal)\('?([^')]*)'?\)\Z")
_HASH: Final = re.compile(r'"obs\.value\.hash": ?"([0-9a-f]+)"')
_ABOUT: Final = '"obs.value.'
"""In the attributes of a reading that is not compared by its text: by a hash of its value, or not at all."""
_INCOMPARABLE: Final = re.compile(r'"obs\.value\.incomparable": ?true')
_NOTHING_EQUALS: Final = "\udfff"  # `other` of an incomparable reading: a text read from SQLite can't contain it
_TEXT_TYPES: Final = frozenset({"str", "bytes", "string"})
_STARTS: Final = 12
_MOST_STARTS: Final = 16  # thinning at every change took 2 us more per streak
_MAX_REREAD: Final = 8  # times the lateness of a reading
_EXACT: Final = 2.0**53  # larger integers are not exact as doubles and are compared by their digits


class EqualRun(NamedTuple):
    """Consecutive equal readings of one series; `number` is None if they are not numbers."""

    length: int
    start_ns: int
    end_ns: int
    text: str | None
    type: str
    number: float | None
    missing: bool
    ongoing: bool


class ReadingKey(NamedTuple):
    """Identifies equal readings: by type and number, or by text if it is not a number or too large for a double.

    If its text does not show its whole value, a hash identifies it as well; an incomparable one equals no other.
    """

    type: str
    number: float | None
    other: str | None
    missing: bool

    @property
    def is_comparable(self) -> bool:
        """Whether it can equal another reading."""
        return self.other != _NOTHING_EQUALS


def reading_key(data_type: str | None, text: str | None, attributes: str | None = None) -> ReadingKey:
    """The key of a reading; equal readings have equal keys (see `Streak.includes`)."""
    if attributes is not None:
        if _ABOUT not in attributes:
            attributes = None
        elif _INCOMPARABLE.search(attributes):
            return ReadingKey(data_type or "", None, _NOTHING_EQUALS, missing=False)
    return _reading_key(data_type or "", text, attributes)


@lru_cache(maxsize=16_384)
def _reading_key(data_type: str, text: str | None, attributes: str | None) -> ReadingKey:
    number = _measured(data_type, text)
    if number is not None and math.isnan(number):
        return ReadingKey(data_type, None, "NaN", missing=True)  # NaN is not equal to NaN, but its text is
    missing = data_type == "NoneType" or text is None or (text == "" and data_type not in _TEXT_TYPES)
    match = _HASH.search(attributes) if attributes else None
    if match:
        other: str | None = match[1]
    elif number is None:
        other = text
    else:
        other = text if text is not None and abs(number) >= _EXACT and text.lstrip("+-").isdecimal() else None
    return ReadingKey(data_type, number, other, missing)


def _measured(data_type: str, text: str | None) -> float | None:
    if text is None or not _is_numeric(data_type):
        return None
    if text.endswith(")"):
        wrapped = _WRAPPED.match(text)
        text = wrapped[1] if wrapped else ""
    return None if "_" in text else _number(text)


@lru_cache(maxsize=1024)
def _is_numeric(data_type: str) -> bool:
    return _NUMERIC.match(data_type) is not None


@dataclass(slots=True)
class Streak:
    """The current streak of a series; `starts` are the starts of some streaks, the last one is its own.

    `packed` has them as timestamp, id, timestamp, id …: as tuples, those of a series that changes took 2 kB.

    The newer the starts, the closer they are together. After a late reading, the series is read again from the last
    start before it, which is at most eight times as far back as the reading is late. With only the last 16 starts, a
    series that changes 100 times a second and is written by two processes in turn was read from the beginning of the
    log again and again.
    """

    first: ReadingKey
    text: str | None
    length: int
    start_ns: int
    end_ns: int
    packed: "array[int]" = field(default_factory=lambda: array("q"))

    @classmethod
    def begin(cls, reading: ReadingKey, text: str | None, sort_key: SortKey) -> "Streak":
        """The first streak of a series."""
        return cls(reading, text, 1, sort_key[0], sort_key[0], array("q", sort_key))

    @property
    def starts(self) -> list[SortKey]:
        """The starts as sort keys."""
        return list(zip(self.packed[::2], self.packed[1::2], strict=True))

    def includes(self, reading: ReadingKey, tolerance: float) -> bool:
        """Whether `reading` continues this streak."""
        first = self.first
        return (reading == first and reading.is_comparable) or (
            tolerance > 0 and reading.type == first.type and _near(first.number, reading.number, tolerance)
        )

    def restart(self, reading: ReadingKey, text: str | None, sort_key: SortKey) -> None:
        """Start a new streak with `reading` at `sort_key`."""
        self.first, self.text, self.length = reading, text, 1
        self.start_ns = self.end_ns = sort_key[0]
        packed = self.packed
        packed.append(sort_key[0])
        packed.append(sort_key[1])
        if len(packed) > 2 * _MOST_STARTS:
            self.packed = array("q", chain.from_iterable(_thinned(self.starts)))

    def run(self, *, ongoing: bool) -> EqualRun:
        """The streak as an `EqualRun`."""
        first = self.first
        return EqualRun(
            self.length, self.start_ns, self.end_ns, self.text, first.type, first.number, first.missing, ongoing
        )


@dataclass(frozen=True, slots=True)
class StaleCriteria:
    """Defines stale: streaks longer than `threshold`, of at least `min_seconds`, with a value not in `ignore`.

    Numbers within `tolerance` of a streak's first value are equal to it. With `missing` = break, a missing reading ends
    a streak and does not start one; with skip, the runs do not contain missing readings.
    """

    threshold: int = 5
    tolerance: float = 0.0
    missing: Missing = "value"
    min_seconds: float = 0.0
    ignore: tuple[str, ...] = ()

    def counts(self, streak: EqualRun) -> bool:
        """Whether `streak` is stale."""
        return (
            streak.length > self.threshold
            and streak.end_ns - streak.start_ns >= self.min_seconds * 1e9
            and not (streak.missing and self.missing == "break")
            and not any(self._may_repeat(streak, text) for text in self.ignore)
        )

    def _may_repeat(self, streak: EqualRun, text: str) -> bool:
        """Whether `text` of the ignore list is the streak's value, compared as numbers or else as texts."""
        number = _number(text)
        if streak.number is None or number is None or math.isnan(number):
            return text.casefold() == (streak.text or "").casefold()
        return number == streak.number or abs(number - streak.number) <= self.tolerance


def _thinned(starts: Sequence[SortKey]) -> tuple[SortKey, ...]:
    """`starts` without those that have neighbours close enough for their age."""
    now = starts[-1][0]
    thinned = [starts[0]]
    for start, newer in pairwise(starts[1:]):
        if now - thinned[-1][0] > _MAX_REREAD * (now - newer[0]):
            thinned.append(start)
    thinned.append(starts[-1])
    return tuple(thinned) if len(thinned) < _STARTS else (thinned[0], *thinned[2:])


def streaks(runs: Sequence[EqualRun], criteria: StaleCriteria) -> list[EqualRun]:
    """The stale streaks among the `runs` of one series, in their order."""
    merged = _merged(runs, criteria.tolerance) if criteria.tolerance else runs
    return [streak for streak in merged if criteria.counts(streak)]


def _merged(runs: Sequence[EqualRun], tolerance: float) -> Iterator[EqualRun]:
    """The runs; consecutive runs of the same type with numbers within `tolerance` of the first one are joined."""
    first = last = None
    length = 0
    for run in runs:
        if first is not None and last is not None:
            if first.type == run.type and _near(first.number, run.number, tolerance):
                length, last = length + run.length, run
                continue
            yield first._replace(length=length, end_ns=last.end_ns, ongoing=last.ongoing)
        first = last = run
        length = run.length
    if first is not None and last is not None:
        yield first._replace(length=length, end_ns=last.end_ns, ongoing=last.ongoing)


def _near(one: float | None, other: float | None, tolerance: float) -> bool:
    return one is not None and other is not None and abs(one - other) <= tolerance


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
