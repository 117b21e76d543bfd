"""The rule kind `value`: the newest reading is outside limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from obs_core.alerts.rules.check import Alerts
from obs_core.alerts.rules.kind import Field, Kind, Suggestion
from obs_core.alerts.rules.model import Condition, Rule
from obs_core.alerts.rules.series_check import ReadingCheck
from obs_core.series.streaks import ReadingKey


@dataclass(frozen=True, slots=True)
class Value(Condition):
    """The newest reading is above or below a limit, or is not in `allowed`."""

    family: ClassVar[str] = "value"
    above: float | None = None
    below: float | None = None
    allowed: tuple[str, ...] = ()

    def is_met(self, reading: ReadingKey, text: str | None) -> bool:
        """Whether this reading is outside the limits or not allowed; an incomparable reading is neither."""
        number = reading.number
        if self.allowed and text not in self.allowed:
            return reading.is_comparable
        if number is None:  # as it is of every incomparable reading
            return False
        return (self.above is not None and number > self.above) or (self.below is not None and number < self.below)


def _series_checks(rule: Rule, labels: Mapping[str, str], alerts: Alerts) -> Sequence[ReadingCheck]:
    condition = rule.condition
    assert isinstance(condition, Value)
    tracked = alerts.tracked(rule, labels)
    return (ReadingCheck(tracked, condition, tracked.alert.condition),)


def _problem(condition: Value) -> tuple[str, str] | None:
    if condition == Value():
        return "above", "is missing: give above, below or allowed"
    return None


KIND: Final = Kind(
    "value",
    "The newest value is outside limits or not in the allowed set.",
    "values",
    Value,
    (
        Field("above", "Above", "number", minimum=None),
        Field("below", "Below", "number", minimum=None),
        Field("allowed", "Allowed values", "list", help="Comma-separated: open, shut"),
    ),
    Suggestion("A value above 100", {"above": "100"}),
    series_checks=_series_checks,
    problem=_problem,
)
