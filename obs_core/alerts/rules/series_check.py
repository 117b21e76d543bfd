"""The checks of one series that `evaluate.series_checks` runs for every reading: streaks, single readings, silence.

A kind of rule on values that needs nothing else returns them from `Kind.series_checks`.
"""

from dataclasses import dataclass
from typing import Protocol

from obs_core.alerts.rules.check import TrackedAlert
from obs_core.series.streaks import ReadingKey, StaleCriteria, Streak
from obs_core.series.tracker import Variant


@dataclass(slots=True)
class StreakCheck:
    """One threshold on the current streak of equal readings; `holds` is what was last reported."""

    tracked: TrackedAlert
    variant: Variant
    criteria: StaleCriteria
    threshold: int
    holds: bool | None

    def verdict(self, streak: Streak) -> bool:
        """Whether the series is stale now."""
        if streak.length <= self.threshold:
            return False
        # While it holds, the streak is the same one: a new streak starts below the threshold.
        return self.holds or self.criteria.counts(streak.run(ongoing=True))


class ReadingCondition(Protocol):
    """A condition on a single reading."""

    def is_met(self, reading: ReadingKey, text: str | None) -> bool:
        """Whether this reading meets the condition."""


@dataclass(slots=True)
class ReadingCheck:
    """A condition on the newest reading of a series; `holds` is what was last reported."""

    tracked: TrackedAlert
    condition: ReadingCondition
    holds: bool | None


@dataclass(slots=True)
class SilenceCheck:
    """A period without readings: the series is silent, or another check has no data.

    `condition` is what is reported then: True, or None for no data. `is_reported` says whether it was.
    """

    tracked: TrackedAlert
    after_ns: int
    condition: bool | None
    is_reported: bool


SeriesCheck = StreakCheck | ReadingCheck | SilenceCheck
