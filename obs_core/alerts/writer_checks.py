"""What rules look at in the writers of the log: their states, and rows that they dropped."""

from collections.abc import Collection, Sequence

from obs_core.alerts.board import Board
from obs_core.alerts.rules import Rule, Writer
from obs_core.capture.status import WriterStatus


class WriterChecks:
    """All writer rules; what writers had dropped before they were first looked at is not told."""

    def __init__(self, rules: Sequence[Rule], board: Board) -> None:
        """Nothing is known of any writer yet."""
        self._board = board
        self._rules = [(rule, rule.condition) for rule in rules if isinstance(rule.condition, Writer)]
        self._dropped: dict[tuple[str, int], int] = {}

    def tick(self, writers: Sequence[WriterStatus], now_ns: int) -> None:
        """Tell what is wrong with each process's writers, and that nothing is any more."""
        for rule, condition in self._rules:
            wrong: dict[str, str] = {}
            for writer in writers:
                if rule.scope.holds(writer.process, writer.process_group, rule.scope.data, rule.scope.function):
                    wrong[writer.process] = wrong.get(writer.process) or self._wrong(writer, condition)
            for process, what in wrong.items():
                entry = self._board.entry(rule, {"process": process})
                if bool(what) != entry.alert.condition:
                    told = {"summary": f"the writer of {process}: {what}"}
                    self._board.tell(entry, now_ns, bool(what), what, told)
            self._gone(rule, wrong, now_ns)
        self._dropped = {(writer.process, writer.pid): writer.dropped for writer in writers}

    def _wrong(self, writer: WriterStatus, condition: Writer) -> str:
        if writer.state in condition.states:
            return writer.state
        dropped = writer.dropped - self._dropped.get((writer.process, writer.pid), writer.dropped)
        return f"{dropped} rows dropped" if condition.drops and dropped > 0 else ""

    def _gone(self, rule: Rule, seen: Collection[str], now_ns: int) -> None:
        """A writer that has left the list is well."""
        for entry in list(self._board.entries.values()):
            if entry.rule is rule and entry.alert.condition and entry.labels.get("process") not in seen:
                self._board.tell(entry, now_ns, condition=False)
