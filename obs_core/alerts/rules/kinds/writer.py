"""The rule kind `writer`: a writer of the log is delayed, has opened its circuit, or dropped rows."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import ClassVar, Final

from obs_core.alerts.rules.check import Alerts, Check, TrackedAlert
from obs_core.alerts.rules.kind import Field, Kind, Suggestion
from obs_core.alerts.rules.model import Condition, Rule
from obs_core.capture.drain.writer_status import WriterStatus

_STATES: Final = ("DELAYED", "CIRCUIT_OPEN", "GONE")


@dataclass(frozen=True, slots=True)
class Writer(Condition):
    """A writer is in one of `states`, or has dropped rows since the last check."""

    family: ClassVar[str] = "writer"
    states: tuple[str, ...] = ("DELAYED", "CIRCUIT_OPEN")
    drops: bool = True


class WriterChecks(Check):
    """All writer rules; rows that a writer had dropped before the first check are not reported."""

    def __init__(self, rules: Sequence[Rule], alerts: Alerts, _: Mapping[str, AbstractSet[str]]) -> None:
        """Start without knowing any writer."""
        self._alerts = alerts
        self._rules = [(rule, rule.condition) for rule in rules if isinstance(rule.condition, Writer)]
        self._dropped: dict[tuple[str, int], int] = {}
        self._reported: dict[str, dict[str, TrackedAlert]] = {rule.name: {} for rule, _ in self._rules}
        for tracked in alerts.all_tracked():
            if tracked.rule.name in self._reported and tracked.alert.condition:
                self._reported[tracked.rule.name][tracked.labels.get("process", "")] = tracked

    def tick(self, now_ns: int, writers: Sequence[WriterStatus] = ()) -> None:
        """Report the processes with a bad writer, and those without one again; a writer that has ended is not bad."""
        for rule, condition in self._rules:
            problems: dict[str, str] = {}
            for writer in writers:
                if rule.scope.includes(writer.process, writer.process_group, rule.scope.data, rule.scope.function):
                    problems[writer.process] = problems.get(writer.process) or self._problem(writer, condition)
            reported = self._reported[rule.name]
            for process, problem in problems.items():
                if problem and process not in reported:
                    tracked = reported[process] = self._alerts.tracked(rule, {"process": process})
                    annotations = {"summary": f"the writer of {process}: {problem}"}
                    self._alerts.report(tracked, now_ns, condition=True, value=problem, annotations=annotations)
            for process in [process for process in reported if not problems.get(process)]:
                self._alerts.report(reported.pop(process), now_ns, condition=False)
        self._dropped = {(writer.process, writer.pid): writer.dropped for writer in writers}

    def _problem(self, writer: WriterStatus, condition: Writer) -> str:
        if writer.state in condition.states:
            return writer.state
        dropped = writer.dropped - self._dropped.get((writer.process, writer.pid), writer.dropped)
        return f"{dropped} rows dropped" if condition.drops and dropped > 0 else ""


def _problem(condition: Writer) -> tuple[str, str] | None:
    if not condition.states and not condition.drops:
        return "states", "is empty and drops is off: nothing could fire"
    unknown = [state for state in condition.states if state not in _STATES]
    return ("states", f"has {unknown[0]!r}; it may contain {', '.join(_STATES)}") if unknown else None


KIND: Final = Kind(
    "writer",
    "A writer is delayed, has opened its circuit, or dropped rows.",
    "writers",
    Writer,
    (
        Field("states", "In one of the states", "list", "DELAYED, CIRCUIT_OPEN", "Also GONE; comma-separated"),
        Field("drops", "Rows dropped", "switch", "on", "Also alert on dropped rows", ("on", "off")),
    ),
    Suggestion("A writer that is behind or drops rows", {}),
    check=WriterChecks,
    problem=_problem,
    keep_firing_s=300.0,
)
