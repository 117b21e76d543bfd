"""When a rule would have fired and flapped: its judgement over a part of the log, without the ledger."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from obs_core.alerts.deliver import simulation
from obs_core.alerts.deliver.simulation import SimulatedMessage
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.alerts.evaluate.alert_set import AlertSet
from obs_core.alerts.evaluate.evaluator import Evaluator
from obs_core.alerts.ledger import AlertTransition
from obs_core.alerts.rules.model import Rule
from obs_core.clock import Window
from obs_core.store import foreign, sqlite, tail

_CHUNK: Final = 20_000
_NAMED: Final = 4
_USUAL: Final = Webhook("a webhook with the usual waits", "")


class Firing(NamedTuple):
    """One time that an alert would have fired; `ends_ns` None: to the end of the window."""

    labels: Mapping[str, str]
    starts_ns: int
    ends_ns: int | None
    value: str | None
    summary: str


class Flapping(NamedTuple):
    """One time that an alert would have flapped; `ends_ns` None: to the end of the window."""

    labels: Mapping[str, str]
    starts_ns: int
    ends_ns: int | None


class BacktestResult(NamedTuple):
    """What a rule would have done in a window: by time, and as the flips that delivery would have been given."""

    firings: Sequence[Firing] = ()
    flapping: Sequence[Flapping] = ()
    flips: Sequence[AlertTransition] = ()
    end_ns: int = 0

    def messages(self, hook: Webhook) -> list[SimulatedMessage]:
        """What `hook` would have been sent of it."""
        return simulation.messages(self.flips, hook, self.end_ns)

    def told(self, hooks: Sequence[Webhook]) -> str:
        """How many messages each of `hooks` would have been sent, in words; without hooks, one that is as usual."""
        named = [(len(self.messages(hook)), hook.name) for hook in hooks or (_USUAL,)]
        named.sort(key=lambda each: -each[0])
        parts = [f"{count:,} message{'' if count == 1 else 's'} to {name}" for count, name in named[:_NAMED]]
        left = len(named) - _NAMED
        return ", ".join(parts) + (f", at most as many to {left} others" if left > 0 else "")


def past(log: Path, rule: Rule, window: Window) -> BacktestResult:
    """What `rule` would have done on the rows of `window`; a streak that the window cuts counts from its edge.

    Raises:
        ObsError: the log can't be read.
    """
    with closing(sqlite.connect(log)) as source:
        shape = foreign.shape(source, log)
        first, last = source.execute(f"SELECT min(timestamp), max(timestamp) FROM {shape.rows}").fetchone()
        if first is None:
            return BacktestResult()
        end = min(window.to_ns, last + 1)
        upto = tail.newest_id(source, shape)
        board = AlertSet([rule])
        judge = Evaluator([rule], (), board)
        at = 0
        while at < upto:
            begins, at = at, tail.end_of(source, shape, at, upto, _CHUNK)
            rows = tail.stream(source, shape, begins, at)
            judge.take((row for row in rows if row.timestamp is not None and _within(window, row.timestamp)), end)
            if (late := judge.late()) is not None:
                begun = max(late[1], window.from_ns)
                readings = tail.values_from(source, shape, late[0], begun, at)
                judge.take_late([row for row in readings if row.timestamp < window.to_ns])
        judge.tick(end)
    return of_flips(board.flips, end)


def of_flips(flips: Sequence[AlertTransition], end_ns: int) -> BacktestResult:
    """What these flips, in the order in which they came, say of the time up to `end_ns`."""
    return BacktestResult(_firings(flips), _flapping(flips), flips, end_ns)


def _within(window: Window, moment: int) -> bool:
    return window.from_ns <= moment < window.to_ns


def _firings(flips: Sequence[AlertTransition]) -> list[Firing]:
    open_: dict[str, Firing] = {}
    found: list[Firing] = []
    for flip in flips:
        if flip.state_to in {"firing", "no data"} and flip.labels not in open_:
            summary = json.loads(flip.annotations).get("summary", "")
            labels = json.loads(flip.labels)
            open_[flip.labels] = Firing(labels, flip.starts_ns or flip.timestamp_ns, None, flip.value, summary)
        elif flip.state_to == "resolved" and flip.state_from != "flapping" and flip.labels in open_:
            found.append(open_.pop(flip.labels)._replace(ends_ns=flip.ends_ns))
    return sorted([*found, *open_.values()], key=lambda firing: firing.starts_ns)


def _flapping(flips: Sequence[AlertTransition]) -> list[Flapping]:
    open_: dict[str, Flapping] = {}
    found: list[Flapping] = []
    for flip in flips:
        if flip.state_to == "flapping":
            open_[flip.labels] = Flapping(json.loads(flip.labels), flip.timestamp_ns, None)
        elif flip.state_from == "flapping":
            begun = open_.pop(flip.labels, Flapping(json.loads(flip.labels), flip.starts_ns or flip.timestamp_ns, None))
            found.append(begun._replace(ends_ns=flip.timestamp_ns))
    return sorted([*found, *open_.values()], key=lambda each: each.starts_ns)
