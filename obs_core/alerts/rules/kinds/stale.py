"""The rule kind `stale`: a value repeats too often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from obs_core.alerts.rules.check import Alerts, TrackedAlert
from obs_core.alerts.rules.kind import Field, Kind, Suggestion
from obs_core.alerts.rules.model import Condition, Rule, matches_any
from obs_core.alerts.rules.series_check import StreakCheck
from obs_core.series.streaks import Missing, StaleCriteria
from obs_core.series.tracker import Variant


@dataclass(frozen=True, slots=True)
class Stale(Condition):
    """More than `threshold` equal readings in a row, for at least `min_seconds`; critical above `critical`."""

    family: ClassVar[str] = "stale"
    threshold: int = 5
    critical: int | None = None
    min_seconds: float = 0.0
    tolerance: float = 0.0
    missing: Missing = "value"
    ignore: tuple[str, ...] = ()
    constant: tuple[str, ...] = ()  # names or patterns of variables that are constant by design


def variant_of(condition: Stale) -> Variant:
    """The streaks that a rule needs."""
    return Variant(float(condition.tolerance), condition.missing == "skip")


def _series_checks(rule: Rule, labels: Mapping[str, str], alerts: Alerts) -> Sequence[StreakCheck]:
    condition = rule.condition
    assert isinstance(condition, Stale)
    if matches_any(condition.constant, labels["data"]):
        return ()
    warning = _check(alerts.tracked(rule, labels), condition, condition.threshold)
    if condition.critical is None:
        return (warning,)
    return warning, _check(alerts.tracked(rule, labels, "critical"), condition, condition.critical)


def _check(tracked: TrackedAlert, condition: Stale, threshold: int) -> StreakCheck:
    criteria = StaleCriteria(threshold, condition.tolerance, condition.missing, condition.min_seconds, condition.ignore)
    return StreakCheck(tracked, variant_of(condition), criteria, threshold, tracked.alert.condition)


KIND: Final = Kind(
    "stale",
    "A value repeats more than N times.",
    "values",
    Stale,
    (
        Field("threshold", "Warn above", "number", "5", "Equal readings in a row that are allowed", minimum=1),
        Field("critical", "Critical above", "number", help="Empty: never critical", minimum=1),
        Field("min_seconds", "At least (s)", "number", help="Minimum duration of the streak"),
        Field("tolerance", "Tolerance", "number", help="Numbers within this tolerance of the first reading are equal"),
        Field(
            "missing",
            "Missing values",
            "choice",
            "value",
            "Treat as a value, skip, or end the streak",
            ("value", "skip", "break"),
        ),
        Field("ignore", "Ignored values", "list", help="Values that may repeat, comma-separated: 0, off"),
        Field("constant", "Constant by design", "list", help="Variables that never change, names or patterns"),
    ),
    Suggestion("Stale after 5 equal readings", {"threshold": "5"}),
    series_checks=_series_checks,
)
