"""How rules and their alerts stand at one moment, as a page shows them: snoozed and flapping are told apart here."""

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
"""The states, the worst first."""


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert: its rule, its state as it is shown, and what was last said of it; moments are nanoseconds.

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

    `judged_ns` is when a watcher last judged, `trouble` why rules can't be read.
    """

    rules: Sequence[Rule] = ()
    alerts: Sequence[AlertView] = ()
    judged_ns: int | None = None
    trouble: str = ""

    def count(self, state: machine.ShownState) -> int:
        """How many alerts are shown in this state."""
        return Counter(alert.state for alert in self.alerts)[state]

    def quiet(self) -> list[Rule]:
        """The rules that are on, and of which nothing is wrong."""
        active = {alert.rule.name for alert in self.alerts if alert.state not in {"inactive", "resolved"}}
        return [rule for rule in self.rules if rule.enabled and rule.name not in active]

    def named(self, name: str) -> Rule | None:
        """The rule of this name."""
        return next((rule for rule in self.rules if rule.name == name), None)


def snapshot(log: Path, now_ns: int) -> AlertsSnapshot:
    """How rules and alerts of `log` stand; where nothing was ever made, the rules of the file alone.

    Raises:
        ObsError: the ledger can't be read.
    """
    path = ledger.path_of(log)
    if not path.exists():
        return _of_file(log)
    try:
        with closing(ledger.open_ledger(log)) as book:
            return _of_ledger(log, book, now_ns)
    except sqlite.Error as error:
        raise sqlite.translate_error(error, path) from error


def _of_file(log: Path) -> AlertsSnapshot:
    try:
        return AlertsSnapshot(sources.from_file(sources.path_of(log)))
    except BadParameter as error:
        return AlertsSnapshot(trouble=f"{error.message} {error.hint}")


def _of_ledger(log: Path, book: sqlite3.Connection, now_ns: int) -> AlertsSnapshot:
    trouble = ""
    try:
        found = sources.rules(log, book)
    except BadParameter as error:
        trouble = f"{error.message} {error.hint} Until then the rules that were there before go on."
        found = sources.from_ledger(book)
    rules = {rule.name: rule for rule in sources.with_snoozes(found, ledger.snoozes(book))}
    active = [each for each in ledger.alert_rows(book) if each.rule in rules and each.state != "inactive"]
    alerts = [_shown(rules[each.rule], each, now_ns) for each in active]
    alerts.sort(key=lambda alert: (ORDER.index(alert.state), alert.severity != "critical", -alert.since_ns))
    judged = max((mark.moment_ns for mark in ledger.evaluated_ranges(book).values()), default=None)
    return AlertsSnapshot(list(rules.values()), alerts, judged, trouble)


def _shown(rule: Rule, standing: ledger.AlertRow, now_ns: int) -> AlertView:
    alert = machine.from_text(standing.machine)
    state: machine.ShownState = alert.state if alert.flaps_ns is None else "flapping"
    if state not in {"inactive", "resolved"} and rule.is_snoozed(now_ns):
        state = "snoozed"
    return AlertView(
        rule,
        state,
        standing.severity,
        standing.fingerprint,
        json.loads(standing.labels),
        json.loads(standing.annotations),
        standing.value,
        standing.since_ns,
        alert.flaps_ns or alert.starts_ns,
    )
