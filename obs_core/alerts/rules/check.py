"""The interface between the evaluator and rule kinds: what a check receives, and what it reports to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from obs_core.alerts.rules.model import Rule
from obs_core.alerts.states.machine import Alert, Timing
from obs_core.capture.drain.writer_status import WriterStatus
from obs_core.store.tail import TailRow

INACTIVE: Final = Alert()


@dataclass(slots=True)
class TrackedAlert:
    """One alert: its labels, its state, and what was last reported.

    `text` is the JSON of its labels as in the ledger, and `fingerprint` their hash; both are empty until something is
    reported. A thousand rules over 10,000 series have 100,000 alerts, and few of them ever report anything.
    """

    rule: Rule
    own_labels: Mapping[str, str]
    severity: str
    timing: Timing
    text: str = ""
    fingerprint: str = ""
    alert: Alert = INACTIVE
    value: str | None = None
    annotations: str = "{}"

    @property
    def labels(self) -> dict[str, str]:
        """Its own labels, and those of every alert of the rule."""
        return {
            **self.own_labels,
            **dict(self.rule.labels),
            "alertname": self.rule.name,
            "severity": self.severity,
        }


class Alerts(Protocol):
    """Where a check gets its alerts and reports their conditions."""

    def tracked(self, rule: Rule, labels: Mapping[str, str], severity: str | None = None) -> TrackedAlert:
        """Return the alert of `rule` with these labels."""

    def all_tracked(self) -> Iterable[TrackedAlert]:
        """Return the alerts that have a state, for example those from before a restart."""

    def report(
        self,
        tracked: TrackedAlert,
        time_ns: int,
        condition: bool | None,  # noqa: FBT001 - the reported condition
        value: str | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Report that the condition holds (True), has ended (False) or has no data (None) from `time_ns` on."""


class Check:
    """Evaluates all rules of one kind (or family of kinds). A kind overrides the methods that it needs.

    Times come from the rows, so the result does not depend on how rows are split over calls of `take` and `tick`.
    `clock_ns` is the time up to which windows are evaluated, 0 before the first row. `reach_ns` is how much of the past
    the check must read again after a restart; 0: none.
    """

    clock_ns: int = 0
    reach_ns: int = 0

    def take(self, row: TailRow, time_ns: int, *, is_trusted: bool = True) -> None:
        """Take a new row; `is_trusted` is False if its clock can't be right and `time_ns` is when it was read."""

    def tick(self, now_ns: int, writers: Sequence[WriterStatus] = ()) -> None:
        """Evaluate what depends on time alone, up to `now_ns`, or on the state of the log's writers."""

    def resume(self, rows: Iterable[TailRow], start_ns: int, evaluated_ns: int) -> None:
        """Rebuild the state after a restart, without reports.

        `rows` are the rows since `start_ns`, by id. Before the restart the check was evaluated up to `evaluated_ns`.
        """

    def drain_seen(self) -> list[tuple[str, str]]:
        """Return (rule, text) pairs to remember forever, and forget them here; `Kind.check` gets them back."""
        return []
