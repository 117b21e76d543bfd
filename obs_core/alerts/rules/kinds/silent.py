"""The rule kind `silent`: no readings of a series, or no calls of a process, for some time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from obs_core.alerts.rules.check import Alerts
from obs_core.alerts.rules.kind import Field, Kind, Suggestion
from obs_core.alerts.rules.model import Condition, Rule
from obs_core.alerts.rules.series_check import SilenceCheck
from obs_core.clock import SECOND


@dataclass(frozen=True, slots=True)
class Silent(Condition):
    """No reading of a series (or, if `of` is calls, no call of a process) for `after_s` seconds."""

    family: ClassVar[str] = "silent"
    after_s: float = 300.0
    of: Literal["values", "calls"] = "values"

    @property
    def reads_calls(self) -> bool:
        """Whether it applies to the calls of a process."""
        return self.of == "calls"


def _series_checks(rule: Rule, labels: Mapping[str, str], alerts: Alerts) -> Sequence[SilenceCheck]:
    condition = rule.condition
    assert isinstance(condition, Silent)
    tracked = alerts.tracked(rule, labels)
    after_ns = round(condition.after_s * SECOND)
    return (SilenceCheck(tracked, after_ns, condition=True, is_reported=bool(tracked.alert.condition)),)


KIND: Final = Kind(
    "silent",
    "No reading of a series, or no call of a process, for some time.",
    "values",
    Silent,
    (
        Field("after", "Silent for", "period", "5m"),
        Field("of", "No", "choice", "values", "values: per series; calls: per process", ("values", "calls")),
    ),
    Suggestion("No reading for 5 minutes", {"after": "5m"}),
    series_checks=_series_checks,
)
