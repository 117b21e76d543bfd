"""All alerts of some rules as they stand: what is told of each runs through its state machine, and flips come out."""

import heapq
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from obs_core.alerts import ledger
from obs_core.alerts.rules.model import NewException, Rule, Writer
from obs_core.alerts.states import flapping, machine
from obs_core.alerts.states.machine import Alert, Timing
from obs_core.clock import SECOND

_EVENT_KEEP_S: Final = 300.0  # something that happened once has no end of its own
_QUIET: Final = Alert()
_TEMPLATE: Final = re.compile(r"\{\{\s*\$(?:labels\.(\w+)|(value))\s*\}\}")
Key = tuple[str, str]


@dataclass(slots=True)
class TrackedAlert:
    """One alert: its labels, its state, and what was last said of it.

    `text` are its labels as the ledger keeps them, `fingerprint` is theirs: empty as long as nothing was told of it.
    A thousand rules over 10,000 series have 100,000 alerts, of which few ever tell anything.
    """

    rule: Rule
    own: Mapping[str, str]
    severity: str
    timing: Timing
    text: str = ""
    fingerprint: str = ""
    alert: Alert = _QUIET
    value: str | None = None
    annotations: str = "{}"

    @property
    def labels(self) -> dict[str, str]:
        """Its own labels, and those that every alert of the rule has."""
        return {**self.own, **dict(self.rule.labels), "alertname": self.rule.name, "severity": self.severity}


class AlertSet:
    """The alerts of `rules`; `flips` and `changed` are what the ledger does not have yet."""

    def __init__(self, rules: Iterable[Rule], standings: Iterable[ledger.AlertRow] = ()) -> None:
        """Alerts stand as in `standings`, all others are inactive."""
        self.rules = {rule.name: rule for rule in rules}
        self._timings = {rule.name: timing_of(rule) for rule in self.rules.values()}
        self._told: set[str] = set()  # rules of which something was told
        self.entries: dict[Key, TrackedAlert] = {}
        self.flips: list[ledger.AlertTransition] = []
        self.changed: set[Key] = set()
        self._due: list[tuple[int, Key]] = []
        for standing in standings:
            if (rule := self.rules.get(standing.rule)) is not None:
                labels, timing = json.loads(standing.labels), self._timings[rule.name]
                entry = TrackedAlert(rule, labels, labels["severity"], timing, standing.labels, standing.fingerprint)
                entry.alert = machine.from_text(standing.machine)
                entry.value, entry.annotations = standing.value, standing.annotations
                self._enter(entry)
                self._watch(entry)

    def entry(self, rule: Rule, labels: Mapping[str, str], severity: str | None = None) -> TrackedAlert:
        """The alert of `rule` with these labels, beside those that every alert of the rule has."""
        entry = TrackedAlert(rule, labels, severity or rule.severity, self._timings[rule.name])
        if rule.name in self._told or (rule.labels and any(name in labels for name, _ in rule.labels)):
            return self._enter(entry)  # it may be there already
        return entry

    def tell(
        self,
        entry: TrackedAlert,
        moment_ns: int,
        condition: bool | None,  # noqa: FBT001 - the fact that is told
        value: str | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """From this moment on the condition of `entry` holds, has ended, or can't be told."""
        if condition:
            entry.value = value
            entry.annotations = ledger.text_of(_filled({**(annotations or {}), **dict(entry.rule.annotations)}, entry))
        self._after(entry, flapping.observe(entry.alert, entry.timing, moment_ns, condition))

    def pass_time(self, now_ns: int) -> None:
        """Time has gone on to `now_ns`: what was pending fires, what has ended resolves."""
        while self._due and self._due[0][0] <= now_ns:
            _, key = heapq.heappop(self._due)
            if (entry := self.entries.get(key)) is not None:
                self._after(entry, flapping.advance_to(entry.alert, entry.timing, now_ns))

    def taken(self) -> tuple[list[ledger.AlertTransition], list[ledger.AlertRow]]:
        """What the ledger does not have yet; it is handed over."""
        flips, changed = self.flips, [_standing(self.entries[key]) for key in sorted(self.changed)]
        self.flips, self.changed = [], set()
        return flips, changed

    def _after(self, entry: TrackedAlert, step: machine.Step) -> None:
        alert, turns = step
        if alert == entry.alert and not turns:
            return
        self._enter(entry)
        self.flips += (_flip(entry, turn) for turn in turns)
        entry.alert = alert
        self.changed.add((entry.rule.name, entry.text))
        self._watch(entry)

    def _enter(self, entry: TrackedAlert) -> TrackedAlert:
        """The entry of these labels: this one, unless there is one."""
        if not entry.text:
            labels = entry.labels
            entry.text, entry.fingerprint = ledger.text_of(labels), ledger.fingerprint(labels)
        self._told.add(entry.rule.name)
        return self.entries.setdefault((entry.rule.name, entry.text), entry)

    def _watch(self, entry: TrackedAlert) -> None:
        due = flapping.deadline_ns(entry.alert, entry.timing)
        if due is not None:
            heapq.heappush(self._due, (due, (entry.rule.name, entry.text)))


def timing_of(rule: Rule) -> Timing:
    """The periods of a rule as its alerts keep them."""
    keep = rule.keep_firing_for_s
    if isinstance(rule.condition, NewException | Writer):
        keep = keep or _EVENT_KEEP_S
    periods = (rule.for_s, keep, rule.no_data_after_s, rule.flap_window_s)
    for_ns, keep_ns, no_data_ns, flap_ns = (round(period * SECOND) for period in periods)
    return Timing(for_ns, keep_ns, rule.no_data, no_data_ns, rule.flap_count, flap_ns)


def closing_flip(standing: ledger.AlertRow, now_ns: int) -> ledger.AlertTransition | None:
    """The flip that ends an alert whose rule is gone or has changed; None if it does not fire."""
    if standing.state not in {"firing", "no data", "flapping"}:
        return None
    alert = machine.from_text(standing.machine)
    starts = alert.starts_ns or alert.flaps_ns
    return ledger.AlertTransition(
        standing.rule,
        standing.labels,
        standing.state,
        "resolved",
        max(now_ns, standing.since_ns),
        standing.value,
        standing.annotations,
        standing.severity,
        standing.fingerprint,
        starts,
        max(now_ns, standing.since_ns),
    )


def _flip(entry: TrackedAlert, turn: machine.Transition) -> ledger.AlertTransition:
    return ledger.AlertTransition(
        entry.rule.name,
        entry.text,
        turn.state_from,
        turn.state_to,
        turn.timestamp_ns,
        entry.value,
        entry.annotations,
        entry.severity,
        entry.fingerprint,
        turn.starts_ns,
        turn.ends_ns,
        turn.while_flapping,
    )


def _standing(entry: TrackedAlert) -> ledger.AlertRow:
    return ledger.AlertRow(
        entry.rule.name,
        entry.text,
        entry.fingerprint,
        entry.severity,
        entry.alert.state if entry.alert.flaps_ns is None else "flapping",
        entry.alert.since_ns,
        entry.value,
        entry.annotations,
        machine.text_of(entry.alert),
    )


def _filled(annotations: Mapping[str, str], entry: TrackedAlert) -> dict[str, str]:
    """The annotations with `{{ $labels.x }}` and `{{ $value }}` replaced, as Prometheus writes them."""
    labels = entry.labels

    def word(match: re.Match[str]) -> str:
        return (entry.value or "") if match[2] else labels.get(match[1], "")

    return {name: _TEMPLATE.sub(word, text) for name, text in annotations.items()}
