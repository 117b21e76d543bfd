"""Runs of equal readings become streaks: tolerance, missing readings and values that may repeat (DESIGN, Stale values).

Pure: works on the runs of one series, in their order, as `values/runs.sql` packs them.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Missing = Literal["value", "skip", "break"]


class Run(NamedTuple):
    """Consecutive equal readings of one series; `number` is None unless they are numbers."""

    length: int
    start_ns: int
    end_ns: int
    text: str | None
    type: str
    number: float | None
    missing: bool
    ongoing: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """Which streaks count: longer than `threshold`, of at least `min_seconds`, of no value in `ignore`.

    Numbers within `tolerance` of a streak's first value are equal to it. With `missing` = break a missing reading ends
    a streak and is none itself; with skip it was left out of the runs already.
    """

    threshold: int = 5
    tolerance: float = 0.0
    missing: Missing = "value"
    min_seconds: float = 0.0
    ignore: tuple[str, ...] = ()

    def counts(self, streak: Run) -> bool:
        """Whether `streak` is one that this rule is after."""
        return (
            streak.length > self.threshold
            and streak.end_ns - streak.start_ns >= self.min_seconds * 1e9
            and not (streak.missing and self.missing == "break")
            and not any(self._may_repeat(streak, word) for word in self.ignore)
        )

    def _may_repeat(self, streak: Run, word: str) -> bool:
        """Whether `word` of the ignore list names the streak's value: as a number if it is one, else by its text."""
        number = _number(word)
        if streak.number is None or number is None or math.isnan(number):
            return word.casefold() == (streak.text or "").casefold()
        return number == streak.number or abs(number - streak.number) <= self.tolerance


def streaks(runs: Sequence[Run], rule: Rule) -> list[Run]:
    """The streaks among `runs` (one series, in their order) that `rule` is after."""
    whole = _merged(runs, rule.tolerance) if rule.tolerance else runs
    return [streak for streak in whole if rule.counts(streak)]


def _merged(runs: Sequence[Run], tolerance: float) -> Iterator[Run]:
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
