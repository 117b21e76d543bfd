"""Backtests: when a rule would have fired and flapped over a part of the log, without writing to the ledger."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from obs_core.alerts.deliver import simulation
from obs_core.alerts.deliver.simulation import SimulatedMessage
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.alerts.evaluate.alert_set import RECENT_NS, AlertSet
from obs_core.alerts.evaluate.evaluator import Evaluator
from obs_core.alerts.ledger import AlertTransition
from obs_core.alerts.rules.model import Rule
from obs_core.alerts.states import machine
from obs_core.clock import Window, now_ns
from obs_core.store import foreign, sqlite, tail

_CHUNK: Final = 20_000
_MOST_NAMED: Final = 4
_DEFAULT_WEBHOOK: Final = Webhook("a webhook with default settings", "")


class Firing(NamedTuple):
    """One period in which an alert would have fired; `ends_ns` None: until the end of the window."""

    labels: Mapping[str, str]
    starts_ns: int
    ends_ns: int | None
    value: str | None
    summary: str


class Flapping(NamedTuple):
    """One period in which an alert would have flapped; `ends_ns` None: until the end of the window."""

    labels: Mapping[str, str]
    starts_ns: int
    ends_ns: int | None


class BacktestResult(NamedTuple):
    """What a rule would have done in a window: periods by start, and the transitions for delivery.

    `active` is the number of alerts that still fire at its end, for another reason than `keep_firing_for`; none if the
    newest row of the log is too old for a message.
    """

    firings: Sequence[Firing] = ()
    flapping: Sequence[Flapping] = ()
    transitions: Sequence[AlertTransition] = ()
    end_ns: int = 0
    active: int = 0

    @property
    def when_saved(self) -> str:
        """What webhooks get if the rule is made now; empty if it has not fired."""
        if not self.firings:
            return ""
        still = (
            f"{self.active:,} that still fire{'s' if self.active == 1 else ''} at the end" if self.active else "none"
        )
        sent = "A new rule sends only alerts that still fire on rows of the last hour"
        return f"{sent}, here {still}; past firings are history."

    def messages(self, webhook: Webhook) -> list[SimulatedMessage]:
        """Return the messages that `webhook` would have received."""
        return simulation.messages(self.transitions, webhook, self.end_ns)

    def message_summary(self, webhooks: Sequence[Webhook]) -> str:
        """Describe how many messages each webhook would have received; without webhooks, one with default settings."""
        counts = [(len(self.messages(webhook)), webhook.name) for webhook in webhooks or (_DEFAULT_WEBHOOK,)]
        counts.sort(key=lambda pair: -pair[0])
        parts = [f"{count:,} message{'' if count == 1 else 's'} to {name}" for count, name in counts[:_MOST_NAMED]]
        left = len(counts) - _MOST_NAMED
        return ", ".join(parts) + (f", at most as many to {left} others" if left > 0 else "")


def backtest(log: Path, rule: Rule, window: Window) -> BacktestResult:
    """Evaluate `rule` over the rows of `window`; a streak that started before the window counts from its start.

    Raises:
        ObsError: the log can't be read.
    """
    with closing(sqlite.connect(log)) as source:
        shape = foreign.shape(source, log)
        first_ns, last_ns = source.execute(f"SELECT min(timestamp), max(timestamp) FROM {shape.rows}").fetchone()
        if first_ns is None:
            return BacktestResult()
        end_ns = min(window.to_ns, last_ns + 1)
        up_to_id = tail.newest_id(source, shape)
        alerts = AlertSet([rule])
        evaluator = Evaluator([rule], (), alerts)
        at = 0
        while at < up_to_id:
            after, at = at, tail.end_of(source, shape, at, up_to_id, _CHUNK)
            rows = tail.stream(source, shape, after, at)
            evaluator.take((row for row in rows if row.timestamp is not None and _in(window, row.timestamp)), end_ns)
            if (late := evaluator.late()) is not None:
                start_ns = max(late[1], window.from_ns)
                readings = tail.values_from(source, shape, late[0], start_ns, at)
                evaluator.reread([row for row in readings if row.timestamp < window.to_ns])
        evaluator.tick(end_ns)
    result = from_transitions(alerts.transitions, end_ns)
    if last_ns < now_ns() - RECENT_NS:
        return result
    return result._replace(active=sum(machine.is_active(tracked.alert) for tracked in alerts.all_tracked()))


def from_transitions(transitions: Sequence[AlertTransition], end_ns: int) -> BacktestResult:
    """Return the result of these transitions, in their order, up to `end_ns`."""
    return BacktestResult(_firings(transitions), _flapping(transitions), transitions, end_ns)


def _in(window: Window, time_ns: int) -> bool:
    return window.from_ns <= time_ns < window.to_ns


def _firings(transitions: Sequence[AlertTransition]) -> list[Firing]:
    open_: dict[str, Firing] = {}
    ended: list[Firing] = []
    for transition in transitions:
        if transition.state_to in {"firing", "no data"} and transition.labels not in open_:
            summary = json.loads(transition.annotations).get("summary", "")
            labels = json.loads(transition.labels)
            starts_ns = transition.starts_ns or transition.timestamp_ns
            open_[transition.labels] = Firing(labels, starts_ns, None, transition.value, summary)
        elif transition.state_to == "resolved" and transition.state_from != "flapping" and transition.labels in open_:
            ended.append(open_.pop(transition.labels)._replace(ends_ns=transition.ends_ns))
    return sorted([*ended, *open_.values()], key=lambda firing: firing.starts_ns)


def _flapping(transitions: Sequence[AlertTransition]) -> list[Flapping]:
    open_: dict[str, Flapping] = {}
    ended: list[Flapping] = []
    for transition in transitions:
        labels = json.loads(transition.labels)
        if transition.state_to == "flapping":
            open_[transition.labels] = Flapping(labels, transition.timestamp_ns, None)
        elif transition.state_from == "flapping":
            start = Flapping(labels, transition.starts_ns or transition.timestamp_ns, None)
            ended.append(open_.pop(transition.labels, start)._replace(ends_ns=transition.timestamp_ns))
    return sorted([*ended, *open_.values()], key=lambda period: period.starts_ns)
