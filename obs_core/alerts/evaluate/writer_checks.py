"""What rules look at in the writers of the log: their states, and rows that they dropped."""

from collections.abc import Sequence

from obs_core.alerts.evaluate.alert_set import AlertSet, TrackedAlert
from obs_core.alerts.rules.model import Rule, Writer
from obs_core.capture.drain.writer_status import WriterStatus


class WriterChecks:
    """All writer rules; what writers had dropped before they were first looked at is not told."""

    def __init__(self, rules: Sequence[Rule], board: AlertSet) -> None:
        """Nothing is known of any writer yet."""
        self._board = board
        self._rules = [(rule, rule.condition) for rule in rules if isinstance(rule.condition, Writer)]
        self._dropped: dict[tuple[str, int], int] = {}
        self._told: dict[str, dict[str, TrackedAlert]] = {rule.name: {} for rule, _ in self._rules}
        for entry in board.entries.values():
            if entry.rule.name in self._told and entry.alert.condition:
                self._told[entry.rule.name][entry.labels.get("process", "")] = entry

    def tick(self, writers: Sequence[WriterStatus], now_ns: int) -> None:
        """Tell what is wrong with each process's writers, and that nothing is any more: one that left is well."""
        for rule, condition in self._rules:
            wrong: dict[str, str] = {}
            for writer in writers:
                if rule.scope.holds(writer.process, writer.process_group, rule.scope.data, rule.scope.function):
                    wrong[writer.process] = wrong.get(writer.process) or self._wrong(writer, condition)
            told = self._told[rule.name]
            for process, what in wrong.items():
                if what and process not in told:
                    told[process] = self._board.entry(rule, {"process": process})
                    summary = {"summary": f"the writer of {process}: {what}"}
                    self._board.tell(told[process], now_ns, condition=True, value=what, annotations=summary)
            for process in [process for process in told if not wrong.get(process)]:
                self._board.tell(told.pop(process), now_ns, condition=False)
        self._dropped = {(writer.process, writer.pid): writer.dropped for writer in writers}

    def _wrong(self, writer: WriterStatus, condition: Writer) -> str:
        if writer.state in condition.states:
            return writer.state
        dropped = writer.dropped - self._dropped.get((writer.process, writer.pid), writer.dropped)
        return f"{dropped} rows dropped" if condition.drops and dropped > 0 else ""
