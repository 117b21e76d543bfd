"""The checks of one series by all rules: its streaks, its newest value, its silence."""

import json
import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Final

from obs_core.alerts.evaluate import failures
from obs_core.alerts.evaluate.alert_set import AlertSet
from obs_core.alerts.rules.check import TrackedAlert
from obs_core.alerts.rules.kinds import KINDS
from obs_core.alerts.rules.kinds.stale import Stale, variant_of
from obs_core.alerts.rules.model import CodeLocator, Rule
from obs_core.alerts.rules.series_check import ReadingCheck, SilenceCheck, StreakCheck
from obs_core.clock import SECOND, iso_text
from obs_core.series.streaks import Streak
from obs_core.series.tracker import Series, Variant
from obs_core.store.tail import TailRow


@dataclass(slots=True)
class Checks:
    """One series, the variants of its streaks, and all its checks.

    `shortest_silence_ns` is the shortest period of `silence`. `is_silent`: one of them was reported. `is_changed`: the
    series had activity since it was last saved.
    """

    series: Series
    variants: tuple[Variant, ...]
    streak: tuple[StreakCheck, ...]
    reading: tuple[ReadingCheck, ...]
    silence: tuple[SilenceCheck, ...]
    shortest_silence_ns: float = math.inf
    is_silent: bool = False
    is_changed: bool = False


DEFAULT: Final[Variant] = Variant()
"""All series have these streaks, so a rule that is added later finds them."""
_ONLY_DEFAULT: Final = (DEFAULT,)  # shared by most series


def needs(rules: Iterable[Rule]) -> frozenset[str]:
    """Return the streaks that these rules need in addition to the default ones, and for which series, as texts."""
    stale = [(rule.scope, rule.condition) for rule in rules if isinstance(rule.condition, Stale)]
    parts = [(astuple(scope), condition.constant, *variant_of(condition)) for scope, condition in stale]
    return frozenset(json.dumps(part) for part in parts if part[2:] != DEFAULT)


def checks_of(series: Series, rules: Iterable[Rule], alerts: AlertSet) -> Checks:
    """Return the checks of a series by `rules`, which all have it in their scope."""
    labels = {"process": series.process, "data": series.data}  # shared: 100,000 alerts of their own would take 20 MB
    streak: list[StreakCheck] = []
    reading: list[ReadingCheck] = []
    silence: list[SilenceCheck] = []
    for rule in rules:
        make = KINDS[rule.kind].series_checks
        assert make is not None
        try:
            own = make(rule, labels, alerts)
        except Exception as error:  # noqa: BLE001 - a kind of rule is a plug-in
            failures.fail(error, [rule])
        for check in own:
            if isinstance(check, StreakCheck):
                streak.append(check)
            elif isinstance(check, ReadingCheck):
                reading.append(check)
            else:
                silence.append(check)
        if own and rule.no_data != "keep" and not isinstance(own[0], SilenceCheck):
            silence.append(_no_data(rule, own[0].tracked))
    others = tuple(dict.fromkeys(check.variant for check in streak if check.variant != DEFAULT))
    checks = Checks(series, (DEFAULT, *others) if others else _ONLY_DEFAULT, (*streak,), (*reading,), (*silence,))
    checks.shortest_silence_ns = min((check.after_ns for check in silence), default=math.inf)
    checks.is_silent = any(check.is_reported for check in silence)
    return checks


def stale_annotations(streak: Streak, row: TailRow | None, code_of: CodeLocator) -> dict[str, str]:
    """Return the annotations of an alert about a stale value."""
    return {
        "summary": f"{streak.text} for {streak.length} readings in a row",
        "value": str(streak.text),
        "repeats": str(streak.length),
        "first_seen": iso_text(streak.start_ns),
        "last_change": iso_text(streak.start_ns),
        **(code_of(row) if row is not None else {}),
    }


def _no_data(rule: Rule, tracked: TrackedAlert) -> SilenceCheck:
    """The check that reports no data for another check of the rule."""
    tracked.timing = tracked.timing._replace(no_data_ns=0)  # the check has the delay already
    after_ns = round(rule.no_data_after_s * SECOND)
    return SilenceCheck(tracked, after_ns, condition=None, is_reported=tracked.alert.condition is None)
