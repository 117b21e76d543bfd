"""Rules and their alerts at one time, as a page shows them: snoozed and flapping are states here."""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from obs_core.alerts import ledger
from obs_core.alerts.rules import sources
from obs_core.alerts.rules.model import Rule
from obs_core.alerts.states import machine
from obs_core.errors import BadParameter
from obs_core.store import sqlite

ORDER: Final[tuple[machine.ShownState, ...]] = (
    "firing",
    "flapping",
    "no data",
    "pending",
    "snoozed",
    "resolved",
    "inactive",
)
"""The states, most severe first."""
_MOST_ERRORS: Final = 3


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert: its rule, the state that is shown, and the details of its last transition; times are nanoseconds.

    `starts_ns` is since when it fires, or flaps.
    """

    rule: Rule
    state: machine.ShownState
    severity: str
    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: str | None
    since_ns: int
    starts_ns: int | None


@dataclass(frozen=True, slots=True)
class AlertsSnapshot:
    """All rules, and the alerts that are not inactive.

    `evaluated_ns` is when a watcher last evaluated rules, `evaluated` the names of those that it has evaluated, `error`
    why rules can't be read.
    """

    rules: Sequence[Rule] = ()
    alerts: Sequence[AlertView] = ()
    evaluated_ns: int | None = None
    error: str = ""
    evaluated: frozenset[str] = frozenset()

    def count(self, state: machine.ShownState) -> int:
        """How many alerts are shown in this state."""
        return Counter(alert.state for alert in self.alerts)[state]

    def quiet(self) -> list[Rule]:
        """The enabled rules that were evaluated and have no active alerts."""
        active = {alert.rule.name for alert in self.alerts if alert.state not in {"inactive", "resolved"}}
        return [rule for rule in self.rules if rule.name in self.evaluated and rule.enabled and rule.name not in active]

    def unevaluated(self) -> list[Rule]:
        """The enabled rules that no watcher has evaluated yet: nothing is known of them."""
        return [rule for rule in self.rules if rule.enabled and rule.name not in self.evaluated]

    def named(self, name: str) -> Rule | None:
        """The rule of this name."""
        return next((rule for rule in self.rules if rule.name == name), None)


def snapshot(log: Path, now_ns: int) -> AlertsSnapshot:
    """Rules and alerts of `log`; without a ledger, only the rules of the file.

    Raises:
        ObsError: the ledger can't be read.
    """
    path = ledger.path_of(log)
    if not path.exists():
        return _of_file(log)
    try:
        with closing(ledger.open_ledger(log)) as connection:
            return _of_ledger(log, connection, now_ns)
    except sqlite.Error as error:
        raise sqlite.translate_error(error, path) from error


def _of_file(log: Path) -> AlertsSnapshot:
    rules, invalid = sources.read(log, None)
    return AlertsSnapshot(rules, error=_message(invalid))


def _message(invalid: Mapping[str, BadParameter]) -> str:
    """What is wrong with the invalid rules; empty if there are none."""
    shown = [f"{error.message} {error.hint}" for error in list(invalid.values())[:_MOST_ERRORS]]
    more = f"{len(invalid) - _MOST_ERRORS:,} more rules are not valid." if len(invalid) > _MOST_ERRORS else ""
    end = "Until then the version from before stays in effect; the other rules are evaluated." if shown else ""
    return " ".join(text for text in (*shown, more, end) if text)


def _of_ledger(log: Path, connection: sqlite3.Connection, now_ns: int) -> AlertsSnapshot:
    defined, invalid = sources.read(log, connection)
    rules = {rule.name: rule for rule in sources.with_snoozes(defined, ledger.snoozes(connection))}
    active = [row for row in ledger.alert_rows(connection) if row.rule in rules and row.state != "inactive"]
    alerts = [_view(rules[row.rule], row, now_ns) for row in active]
    alerts.sort(key=lambda alert: (ORDER.index(alert.state), alert.severity != "critical", -alert.since_ns))
    evaluated = ledger.evaluated_ranges(connection)
    evaluated_ns = max((progress.evaluated_ns for progress in evaluated.values()), default=None)
    return AlertsSnapshot(list(rules.values()), alerts, evaluated_ns, _message(invalid), frozenset(evaluated))


def _view(rule: Rule, row: ledger.AlertRow, now_ns: int) -> AlertView:
    alert = machine.from_text(row.machine)
    state: machine.ShownState = alert.state if alert.flaps_ns is None else "flapping"
    if state not in {"inactive", "resolved"} and rule.is_snoozed(now_ns):
        state = "snoozed"
    return AlertView(
        rule,
        state,
        row.severity,
        row.fingerprint,
        json.loads(row.labels),
        json.loads(row.annotations),
        row.value,
        row.since_ns,
        alert.flaps_ns or alert.starts_ns,
    )
