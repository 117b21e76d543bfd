"""What rules look at in one series: its streak, its newest value, how long it has been silent."""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, field
from typing import Final

from obs_core.alerts.evaluate.alert_set import AlertSet, TrackedAlert
from obs_core.alerts.rules import model
from obs_core.alerts.rules.model import Rule
from obs_core.clock import SECOND, iso_text
from obs_core.series.streaks import ReadingKey, Streak
from obs_core.series.streaks import StaleCriteria as StreakRule
from obs_core.series.tracker import Series, Variant
from obs_core.store.tail import TailRow


@dataclass(slots=True)
class StaleCheck:
    """One threshold of a stale rule on one series; `holds` is what was last told."""

    entry: TrackedAlert
    variant: Variant
    rule: StreakRule
    threshold: int
    holds: bool | None

    def verdict(self, streak: Streak) -> bool:
        """Whether the series is stale now."""
        if streak.length <= self.threshold:
            return False
        return self.holds or self.rule.counts(streak.run(ongoing=True))  # it goes on: a new streak is shorter


@dataclass(slots=True)
class ValueCheck:
    """A value rule on one series."""

    entry: TrackedAlert
    condition: model.Value
    holds: bool | None

    def verdict(self, reading: ReadingKey, text: str | None) -> bool:
        """Whether this reading is one that it is after."""
        limits, number = self.condition, reading.number
        if limits.allowed and text not in limits.allowed:
            return True
        if number is None:
            return False
        return (limits.above is not None and number > limits.above) or (
            limits.below is not None and number < limits.below
        )


@dataclass(slots=True)
class SilenceCheck:
    """A period without readings after which something is told: that the series is silent, or that there are no data."""

    entry: TrackedAlert
    after_ns: int
    tells: bool | None  # True: it is silent; None: there is nothing to judge
    told: bool


@dataclass(slots=True)
class Checks:
    """One series, the variants of streaks that it is followed by, and all checks of it.

    `patience_ns` is the shortest period of `quiet`; `is_silent`: one of them was told; `is_changed`: the series was
    heard of since it was saved.
    """

    series: Series
    variants: list[Variant] = field(default_factory=lambda: [DEFAULT])
    stale: list[StaleCheck] = field(default_factory=list)
    value: list[ValueCheck] = field(default_factory=list)
    quiet: list[SilenceCheck] = field(default_factory=list)
    patience_ns: float = math.inf
    is_silent: bool = False
    is_changed: bool = False


DEFAULT: Final[Variant] = Variant()
"""All series are followed by it, so that a rule made later finds its streaks there."""


def needs(found: Iterable[Rule]) -> frozenset[str]:
    """What streaks these rules need beside the usual ones, and where, as texts."""
    stale = [(rule.scope, rule.condition) for rule in found if isinstance(rule.condition, model.Stale)]
    facts = [(astuple(scope), condition.constant, *_variant(condition)) for scope, condition in stale]
    return frozenset(json.dumps(each) for each in facts if each[2:] != DEFAULT)


def of_series(series: Series, found: Iterable[Rule], board: AlertSet) -> Checks:
    """The checks of a series by the rules `found` that hold for it."""
    checks = Checks(series)
    labels = {"process": series.process, "data": series.data}
    for rule in found:
        condition = rule.condition
        if isinstance(condition, model.Stale) and model.named(condition.constant, series.data):
            continue
        entry = board.entry(rule, labels)
        if isinstance(condition, model.Stale):
            checks.stale.append(_stale(entry, condition, condition.threshold))
            if condition.critical is not None:
                checks.stale.append(_stale(board.entry(rule, labels, "critical"), condition, condition.critical))
            if (variant := _variant(condition)) not in checks.variants:
                checks.variants.append(variant)
        elif isinstance(condition, model.Value):
            checks.value.append(ValueCheck(entry, condition, entry.alert.condition))
        elif isinstance(condition, model.Silent):
            told = bool(entry.alert.condition)
            checks.quiet.append(SilenceCheck(entry, round(condition.after_s * SECOND), tells=True, told=told))
            continue
        if rule.no_data != "keep":
            entry.timing = entry.timing._replace(no_data_ns=0)  # the deadline is the delay
            after = round(rule.no_data_after_s * SECOND)
            checks.quiet.append(SilenceCheck(entry, after, tells=None, told=entry.alert.condition is None))
    checks.patience_ns = min((each.after_ns for each in checks.quiet), default=math.inf)
    checks.is_silent = any(each.told for each in checks.quiet)
    return checks


def stale_annotations(streak: Streak, row: TailRow | None, code: Callable[[TailRow], dict[str, str]]) -> dict[str, str]:
    """What a message says of a stale value."""
    return {
        "summary": f"{streak.text} for {streak.length} readings in a row",
        "value": str(streak.text),
        "repeats": str(streak.length),
        "first_seen": iso_text(streak.start_ns),
        "last_change": iso_text(streak.start_ns),
        **(code(row) if row is not None else {}),
    }


def _stale(entry: TrackedAlert, condition: model.Stale, threshold: int) -> StaleCheck:
    rule = StreakRule(threshold, condition.tolerance, condition.missing, condition.min_seconds, condition.ignore)
    return StaleCheck(entry, _variant(condition), rule, threshold, entry.alert.condition)


def _variant(condition: model.Stale) -> Variant:
    return Variant(float(condition.tolerance), condition.missing == "skip")
