"""All alerts of some rules: reported conditions run through state machines, and transitions come out."""

import heapq
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from obs_core.alerts import ledger
from obs_core.alerts.evaluate import failures
from obs_core.alerts.rules.check import TrackedAlert
from obs_core.alerts.rules.kinds import KINDS
from obs_core.alerts.rules.model import Rule
from obs_core.alerts.states import flapping, machine
from obs_core.alerts.states.machine import Timing
from obs_core.clock import DAY, HOUR, SECOND

_TEMPLATE: Final = re.compile(r"\{\{\s*\$(?:labels\.(\w+)|(value))\s*\}\}")
RECENT_NS: Final = HOUR
"""How old the newest row of an alert may be when a new rule fires; of what is older nothing is sent."""

LATE_NS: Final = DAY
"""How late a row may arrive: a clock in another time zone is at most 14 hours behind. What is older was imported."""

Key = tuple[str, str]
"""A rule's name, and the labels of one of its alerts as JSON."""


class AlertSet:
    """The alerts of `rules`; `transitions` and `changed` are not in the ledger yet."""

    def __init__(self, rules: Iterable[Rule], rows: Iterable[ledger.AlertRow] = ()) -> None:
        """Start with the states in `rows`; all other alerts are inactive."""
        self.rules = {rule.name: rule for rule in rules}
        self._timings = {rule.name: timing_of(rule) for rule in self.rules.values()}
        self._reported_rules: set[str] = set()
        self._alerts: dict[Key, TrackedAlert] = {}
        self.transitions: list[ledger.AlertTransition] = []
        self.changed: set[Key] = set()
        self._due: list[tuple[int, Key]] = []
        for row in rows:
            if (rule := self.rules.get(row.rule)) is not None:
                with suppress(ValueError, TypeError, KeyError):  # a damaged row: the alert starts as inactive
                    self._restore(rule, row)

    def _restore(self, rule: Rule, row: ledger.AlertRow) -> None:
        labels, timing = json.loads(row.labels), self._timings[rule.name]
        tracked = TrackedAlert(rule, labels, labels["severity"], timing, row.labels, row.fingerprint)
        tracked.alert = machine.from_text(row.machine)
        tracked.value, tracked.annotations = row.value, row.annotations
        self._track(tracked)
        self._schedule(tracked)

    def all_tracked(self) -> Iterable[TrackedAlert]:
        """Return the alerts that have a state."""
        return self._alerts.values()

    def tracked(self, rule: Rule, labels: Mapping[str, str], severity: str | None = None) -> TrackedAlert:
        """Return the alert of `rule` with these labels, in addition to those of every alert of the rule."""
        tracked = TrackedAlert(rule, labels, severity or rule.severity, self._timings[rule.name])
        if rule.name in self._reported_rules or (rule.labels and any(name in labels for name, _ in rule.labels)):
            return self._track(tracked)  # it may exist already
        return tracked

    def report(
        self,
        tracked: TrackedAlert,
        time_ns: int,
        condition: bool | None,  # noqa: FBT001 - the reported condition
        value: str | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Take the condition of an alert: from `time_ns` on it holds, has ended, or has no data (None)."""
        if condition:
            tracked.value = value
            texts = {**(annotations or {}), **dict(tracked.rule.annotations)}
            tracked.annotations = ledger.text_of(_expanded(texts, tracked))
        self._apply(tracked, flapping.observe(tracked.alert, tracked.timing, time_ns, condition))

    def advance_to(self, now_ns: int) -> None:
        """Advance time to `now_ns`: pending alerts fire, and ended ones resolve."""
        while self._due and self._due[0][0] <= now_ns:
            _, key = heapq.heappop(self._due)
            if (tracked := self._alerts.get(key)) is not None:
                try:
                    self._apply(tracked, flapping.advance_to(tracked.alert, tracked.timing, now_ns))
                except Exception as error:  # noqa: BLE001 - one rule never stops the others
                    failures.fail(error, [tracked.rule])

    def drain_changes(self) -> tuple[list[ledger.AlertTransition], list[ledger.AlertRow]]:
        """Return the transitions and changed alerts since the last call."""
        transitions, rows = self.transitions, [_row(self._alerts[key]) for key in sorted(self.changed)]
        self.transitions, self.changed = [], set()
        return transitions, rows

    def _apply(self, tracked: TrackedAlert, step: machine.Step) -> None:
        alert, transitions = step
        if alert == tracked.alert and not transitions:
            return
        self._track(tracked)
        self.transitions += (_transition(tracked, transition) for transition in transitions)
        tracked.alert = alert
        self.changed.add((tracked.rule.name, tracked.text))
        self._schedule(tracked)

    def _track(self, tracked: TrackedAlert) -> TrackedAlert:
        """Return the alert with these labels: this one, unless there is one already."""
        if not tracked.text:
            labels = tracked.labels
            tracked.text, tracked.fingerprint = ledger.text_of(labels), ledger.fingerprint(labels)
        self._reported_rules.add(tracked.rule.name)
        return self._alerts.setdefault((tracked.rule.name, tracked.text), tracked)

    def _schedule(self, tracked: TrackedAlert) -> None:
        due = flapping.deadline_ns(tracked.alert, tracked.timing)
        if due is not None:
            heapq.heappush(self._due, (due, (tracked.rule.name, tracked.text)))


def timing_of(rule: Rule) -> Timing:
    """Return the durations of a rule for its alerts' state machines."""
    keep_firing_s = rule.keep_firing_for_s or KINDS[rule.kind].keep_firing_s
    durations = (rule.for_s, keep_firing_s, rule.no_data_after_s, rule.flap_window_s)
    for_ns, keep_ns, no_data_ns, flap_ns = (round(duration * SECOND) for duration in durations)
    return Timing(for_ns, keep_ns, rule.no_data, no_data_ns, rule.flap_count, flap_ns)


def closing_transition(row: ledger.AlertRow, now_ns: int) -> ledger.AlertTransition | None:
    """Return the transition that resolves an alert of a removed or changed rule; None if it does not fire."""
    if row.state not in {"firing", "no data", "flapping"}:
        return None
    alert = machine.from_text(row.machine)
    starts_ns = alert.starts_ns or alert.flaps_ns
    return ledger.AlertTransition(
        row.rule,
        row.labels,
        row.state,
        "resolved",
        max(now_ns, row.since_ns),
        row.value,
        row.annotations,
        row.severity,
        row.fingerprint,
        starts_ns,
        max(now_ns, row.since_ns),
    )


def with_history(
    recorded: Sequence[ledger.AlertTransition],
    rows: Iterable[ledger.AlertRow],
    newest_ns: Callable[[ledger.AlertRow], int],
    now_ns: int,
) -> list[ledger.AlertTransition]:
    """Return `recorded`, which a new rule found in the past, with all that is over by now marked as history.

    Of an alert in `rows` that is still active, the last transition to a state that is sent is not history, unless it
    and the newest row that the alert is about (`newest_ns`) are older than `RECENT_NS`.
    """
    active = {(row.rule, row.labels): row for row in rows if machine.is_active(machine.from_text(row.machine))}
    marked = []
    for transition in reversed(recorded):
        key = (transition.rule, transition.labels)
        is_current = key in active and transition.state_to in ledger.FIRING and not transition.while_flapping
        if is_current:
            is_current = max(newest_ns(active.pop(key)), transition.timestamp_ns) >= now_ns - RECENT_NS
        marked.append(transition._replace(is_history=not is_current))
    return marked[::-1]


def _transition(tracked: TrackedAlert, transition: machine.Transition) -> ledger.AlertTransition:
    return ledger.AlertTransition(
        tracked.rule.name,
        tracked.text,
        transition.state_from,
        transition.state_to,
        transition.timestamp_ns,
        tracked.value,
        tracked.annotations,
        tracked.severity,
        tracked.fingerprint,
        transition.starts_ns,
        transition.ends_ns,
        transition.while_flapping,
    )


def _row(tracked: TrackedAlert) -> ledger.AlertRow:
    return ledger.AlertRow(
        tracked.rule.name,
        tracked.text,
        tracked.fingerprint,
        tracked.severity,
        tracked.alert.state if tracked.alert.flaps_ns is None else "flapping",
        tracked.alert.since_ns,
        tracked.value,
        tracked.annotations,
        machine.text_of(tracked.alert),
    )


def _expanded(annotations: Mapping[str, str], tracked: TrackedAlert) -> dict[str, str]:
    """The annotations with `{{ $labels.x }}` and `{{ $value }}` replaced, as in Prometheus."""
    labels = tracked.labels

    def text_for(match: re.Match[str]) -> str:
        return (tracked.value or "") if match[2] else labels.get(match[1], "")

    return {name: _TEMPLATE.sub(text_for, text) for name, text in annotations.items()}
