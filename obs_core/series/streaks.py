"""Runs of equal readings become streaks: tolerance, missing readings and values that may repeat (DESIGN, Stale values).

The rule, once: `streaks` judges all runs of a series at once (as `values/streaks.sql` packs them), `Streak` takes one
reading after the other. `alike` says what two equal readings have in common, as that SQL says it.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal, NamedTuple

Missing = Literal["value", "skip", "break"]

_NUMERIC: Final = re.compile(
    r"([A-Za-z_]+\.)*([Uu]?[Ii]nt|[Ff]loat|[Dd]ouble|[Dd]ecimal|[Rr]eal|[Nn]um|INT|FLOAT|DOUBLE|REAL|NUM|\Z)"
)
_WRAPPED: Final = re.compile(r"(?:np\.[a-z0-9]+|Decimal)\('?([^')]*)'?\)\Z")
_HASH: Final = re.compile(r'"obs\.value\.hash": ?"([0-9a-f]+)"')
_TEXTS: Final = frozenset({"str", "bytes", "string"})
_STARTS: Final = 12
_MOST_STARTS: Final = 16  # thinned at each change a streak cost 2 us more
_APART: Final = 8
_EXACT: Final = 2.0**53  # beyond it whole numbers share doubles, and are compared by their digits


class EqualRun(NamedTuple):
    """Consecutive equal readings of one series; `number` is None unless they are numbers."""

    length: int
    start_ns: int
    end_ns: int
    text: str | None
    type: str
    number: float | None
    missing: bool
    ongoing: bool


class ReadingKey(NamedTuple):
    """What equal readings share: the type, and the number or (where it is none, or too large) the text."""

    type: str
    number: float | None
    other: str | None
    missing: bool


def reading_key(data_type: str | None, text: str | None, attributes: str | None = None) -> ReadingKey:
    """What this reading shares with those that are equal to it."""
    if attributes is not None and (text is None or not text.endswith("…")):
        attributes = None
    return _reading_key(data_type or "", text, attributes)


@lru_cache(maxsize=16_384)
def _reading_key(data_type: str, text: str | None, attributes: str | None) -> ReadingKey:
    number = _measured(data_type, text)
    if number is not None and math.isnan(number):
        return ReadingKey(data_type, None, "NaN", missing=True)  # one NaN is not equal to another, one text is
    missing = data_type == "NoneType" or text is None or (text == "" and data_type not in _TEXTS)
    other = text
    if number is not None:
        digits = text if text is not None and abs(number) >= _EXACT and text.lstrip("+-").isdecimal() else None
        return ReadingKey(data_type, number, digits, missing)
    if attributes and (found := _HASH.search(attributes)):
        other = found[1]
    return ReadingKey(data_type, None, other, missing)


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
    """The streak that a series is in; `starts`: the places (moment, id) where some streaks began, it too.

    They lie the closer the newer they are: a reading that comes late has its series read from the last start before it,
    at most eight times as far back as it is late. With the last 16 alone, a series that changes 100 times a second and
    is written by two processes in turns was read from the beginning of the log again and again.
    """

    first: ReadingKey
    text: str | None
    length: int
    start_ns: int
    end_ns: int
    starts: tuple[tuple[int, int], ...] = ()

    def holds(self, reading: ReadingKey, tolerance: float) -> bool:
        """Whether `reading` goes on with this streak."""
        first = self.first
        return reading == first or (
            tolerance > 0 and reading.type == first.type and _near(first.number, reading.number, tolerance)
        )

    def begin(self, reading: ReadingKey, text: str | None, place: tuple[int, int]) -> None:
        """Another streak begins with `reading` at `place`."""
        self.first, self.text, self.length = reading, text, 1
        self.start_ns = self.end_ns = place[0]
        self.starts = (*self.starts, place)
        if len(self.starts) > _MOST_STARTS:
            self.starts = _thinned(self.starts)

    def run(self, *, ongoing: bool) -> EqualRun:
        """The streak as a run."""
        first = self.first
        return EqualRun(
            self.length, self.start_ns, self.end_ns, self.text, first.type, first.number, first.missing, ongoing
        )


@dataclass(frozen=True, slots=True)
class StaleCriteria:
    """Which streaks count: longer than `threshold`, of at least `min_seconds`, of no value in `ignore`.

    Numbers within `tolerance` of a streak's first value are equal to it. With `missing` = break a missing reading ends
    a streak and is none itself; with skip it was left out of the runs already.
    """

    threshold: int = 5
    tolerance: float = 0.0
    missing: Missing = "value"
    min_seconds: float = 0.0
    ignore: tuple[str, ...] = ()

    def counts(self, streak: EqualRun) -> bool:
        """Whether `streak` is one that this rule is after."""
        return (
            streak.length > self.threshold
            and streak.end_ns - streak.start_ns >= self.min_seconds * 1e9
            and not (streak.missing and self.missing == "break")
            and not any(self._may_repeat(streak, word) for word in self.ignore)
        )

    def _may_repeat(self, streak: EqualRun, word: str) -> bool:
        """Whether `word` of the ignore list names the streak's value: as a number if it is one, else by its text."""
        number = _number(word)
        if streak.number is None or number is None or math.isnan(number):
            return word.casefold() == (streak.text or "").casefold()
        return number == streak.number or abs(number - streak.number) <= self.tolerance


def _thinned(starts: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """`starts` without those whose neighbours lie close enough for their age."""
    now = starts[-1][0]
    kept = [starts[0]]
    for place, newer in pairwise(starts[1:]):
        if now - kept[-1][0] > _APART * (now - newer[0]):
            kept.append(place)
    kept.append(starts[-1])
    return tuple(kept) if len(kept) < _STARTS else (kept[0], *kept[2:])


def streaks(runs: Sequence[EqualRun], rule: StaleCriteria) -> list[EqualRun]:
    """The streaks among `runs` (one series, in their order) that `rule` is after."""
    whole = _merged(runs, rule.tolerance) if rule.tolerance else runs
    return [streak for streak in whole if rule.counts(streak)]


def _merged(runs: Sequence[EqualRun], tolerance: float) -> Iterator[EqualRun]:
    """The runs, those joined whose numbers lie within `tolerance` of the first one's and whose types are the same."""
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


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
