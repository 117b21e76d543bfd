"""What describes a kind of rule: its settings, its form, its texts and its check. Each module of `kinds` has one."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from obs_core.alerts.rules.check import Alerts, Check
from obs_core.alerts.rules.model import Condition, NoData, Rule
from obs_core.alerts.rules.series_check import SeriesCheck

FieldType = Literal["text", "number", "period", "end", "list", "pairs", "choice", "open choice", "switch"]


class Field(NamedTuple):
    """One field of the rule form: its name as in `rules.toml`, its label, how its text is parsed, and its default.

    `minimum` is the least valid number; None: any number.
    """

    name: str
    label: str
    type: FieldType = "text"
    default: str = ""
    help: str = ""
    options: tuple[str, ...] = ()
    minimum: float | None = 0


class Suggestion(NamedTuple):
    """The rule that pages suggest for a series or call: what it watches, in words, and the texts of its fields.

    `numbers_only`: it is suggested only for series with numbers.
    """

    text: str
    fields: Mapping[str, str]
    numbers_only: bool = False


def no_problem(_: Any) -> tuple[str, str] | None:  # noqa: ANN401 - the condition of any kind
    """Return None: every combination of valid fields makes sense."""
    return None


SeriesChecks = Callable[[Rule, Mapping[str, str], Alerts], Sequence[SeriesCheck]]
MakeCheck = Callable[[Sequence[Rule], Alerts, Mapping[str, AbstractSet[str]]], Check]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rule.

    `reads` decides the scope: values (process, group, data), calls (also function) or writers (process, group). Exactly
    one of `series_checks` and `check` evaluates its rules. The first returns the checks of the series with the given
    labels (process and data). The second makes the check of all rules of the family, from the rules, the alerts, and
    the texts that each rule has seen.
    """

    name: str
    summary: str
    reads: Literal["values", "calls", "writers"]
    condition: type[Condition]
    fields: tuple[Field, ...]
    suggestion: Suggestion
    series_checks: SeriesChecks | None = None
    check: MakeCheck | None = None
    problem: Callable[[Any], tuple[str, str] | None] = no_problem
    """Returns the name of a field and what is wrong with it, or None."""
    preset: Mapping[str, str] = field(default_factory=dict)
    """Fields of the condition that the kind's name sets."""
    no_data: NoData = "keep"
    keep_firing_s: float = 0.0
    """How long alerts fire by default after their condition has ended; for events, which have no end of their own."""
    axis: str = "Value"
    """Title of the chart's axis; `{name}` is replaced by that field of the condition."""
