"""The rule kind `new_exception`: a function raises an exception type for the first time."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import ClassVar, Final

from obs_core.alerts.rules.check import Alerts, Check
from obs_core.alerts.rules.kind import Kind, Suggestion
from obs_core.alerts.rules.model import Condition, Rule
from obs_core.store.tail import TailRow


@dataclass(frozen=True, slots=True)
class NewException(Condition):
    """An exception type that a function has not raised before."""

    family: ClassVar[str] = "new_exception"


class NewExceptions(Check):
    """The exception types that each rule has seen, as texts of group, function and type."""

    def __init__(self, rules: Sequence[Rule], alerts: Alerts, seen: Mapping[str, AbstractSet[str]]) -> None:
        """Start with the exceptions that were seen before a restart."""
        self._alerts, self._rules = alerts, rules
        self._seen = {rule.name: set(seen.get(rule.name, ())) for rule in rules}
        self._new: list[tuple[str, str]] = []

    def take(self, row: TailRow, time_ns: int, *, is_trusted: bool = True) -> None:  # noqa: ARG002 - of every check
        """Report the exception of a call if it is new."""
        if not row.exception:
            return
        exception_type = row.exception.partition(":")[0].strip()[:200]
        function = row.function or row.data
        text = f"{row.process_group or row.process}\n{function}\n{exception_type}"
        for rule in self._rules:
            seen = self._seen[rule.name]
            if text in seen or not rule.scope.includes(row.process, row.process_group, row.data, function):
                continue
            seen.add(text)
            self._new.append((rule.name, text))
            labels = {"process": row.process, "function": function, "exception": exception_type}
            tracked = self._alerts.tracked(rule, labels)
            annotations = {
                "summary": f"{function} raised {exception_type} for the first time",
                "description": row.exception[:500],
            }
            # The condition holds at this time only.
            self._alerts.report(tracked, time_ns, True, exception_type, annotations)  # noqa: FBT003
            self._alerts.report(tracked, time_ns, False)  # noqa: FBT003

    def drain_seen(self) -> list[tuple[str, str]]:
        """Return the exceptions seen since the last call."""
        new, self._new = self._new, []
        return new


KIND: Final = Kind(
    "new_exception",
    "A function raises an exception type that it has not raised before.",
    "calls",
    NewException,
    (),
    Suggestion("New exception type", {}),
    check=NewExceptions,
    keep_firing_s=300.0,
)
