"""The fields of the rule builder: which there are for each kind of rule, and how their texts become a rule's facts.

Each is a control that stands in the link under `r_` and its name, so a link can fill the builder.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

from obs_core.alerts.rules.model import Calls, Rule
from obs_core.clock import SECOND, iso_text, now_ns, period_text
from obs_core.errors import BadParameter
from obs_core.ui.kit.durations import snooze_end_ns

How = Literal["text", "number", "period", "end", "list", "pairs", "choice", "switch"]


class Field(NamedTuple):
    """One field: its name as in rules.toml, its label, how its text is read, and what is taken if it is empty."""

    name: str
    label: str
    how: How = "text"
    usual: str = ""
    help: str = ""
    options: tuple[str, ...] = ()


KINDS: Final = {
    "stale": "A value repeats more often than a threshold.",
    "silent": "No reading of a series, or no call of a process, for a time.",
    "value": "The newest reading is outside of limits, or none of a set.",
    "error_rate": "The share of failed calls (0 to 1) crosses a limit.",
    "latency": "A percentile of durations (ms) crosses a limit.",
    "throughput": "Calls per second cross a limit.",
    "new_exception": "A function raises an exception type that it has not raised before.",
    "writer": "A writer is delayed, has opened its circuit, or dropped rows.",
}
_MISSING: Final = ("value", "skip", "break")
_ABOVE: Final = Field("above", "Above", "number")
_BELOW: Final = Field("below", "Below", "number")
_CALLS: Final = (
    _ABOVE,
    _BELOW,
    Field("changed_percent", "Changed by (%)", "number", help="Against the window before"),
    Field("window", "Window", "period", "5m"),
    Field("min_calls", "Fewest calls", "number", "1", "With fewer calls in the window nothing is judged"),
)
OF_KIND: Final[dict[str, tuple[Field, ...]]] = {
    "stale": (
        Field("threshold", "Warn above", "number", "5", "Equal readings in a row that are still fine"),
        Field("critical", "Critical above", "number", help="Empty: never critical"),
        Field("min_seconds", "At least (s)", "number", help="How long the streak must last"),
        Field("tolerance", "Tolerance", "number", help="Numbers no farther than this from the first count as equal"),
        Field(
            "missing", "Missing readings", "choice", "value", "Readings like others, not there, or a break", _MISSING
        ),
        Field("ignore", "Ignored values", "list", help="Values that may repeat, with commas between: 0, off"),
        Field("constant", "Constant by design", "list", help="Variables that never change, names or patterns"),
    ),
    "silent": (
        Field("after", "Silent for", "period", "5m"),
        Field("of", "Of what", "choice", "values", options=("values", "calls")),
    ),
    "value": (_ABOVE, _BELOW, Field("allowed", "Allowed values", "list", help="With commas between: open, shut")),
    "error_rate": _CALLS,
    "latency": (*_CALLS, Field("percentile", "Percentile", "number", "95")),
    "throughput": _CALLS,
    "new_exception": (),
    "writer": (
        Field("states", "In one of the states", "list", "DELAYED, CIRCUIT_OPEN", "Also GONE; with commas between"),
        Field("drops", "Rows dropped", "switch", "on", "Whether dropped rows are told too", ("on", "off")),
    ),
}
_PROCESS: Final = Field("process", "Process", help="Empty: all; * and ? stand for any characters")
_GROUP: Final = Field("group", "Process group", help="Empty: all; a name or a pattern")
_DATA: Final = Field("data", "Variable", help="The name of the data; empty: all; a name or a pattern")
_FUNCTION: Final = Field("function", "Function", help="Empty: all; a name or a pattern")
FOR: Final = Field("for", "For", "period", help="How long it must hold before it fires; empty: at once")
SEVERITY: Final = Field("severity", "Severity", "text", "warning")
COMMON: Final = (
    Field("keep_firing_for", "Keep firing for", "period", help="How long it goes on after it has ended"),
    Field("no_data", "Without data", "choice", "", "What it does when nothing comes", ("", "ok", "keep", "alert")),
    Field("no_data_after", "Without data after", "period", "5m"),
    Field("flap_count", "Flapping from flips", "number", "3"),
    Field("flap_window", "Flips within", "period", "100s"),
    Field("labels", "Labels", "pairs", help="name=text, with commas between: team=water, site=north"),
    Field(
        "annotations", "Annotations", "pairs", help="runbook=https://… , note=… {{ $value }}; addresses become links"
    ),
    Field("enabled", "Judged", "switch", "on", "Off: it is kept, and not judged", ("on", "off")),
    Field("snoozed_until", "Snoozed until", "end", help="Judged, but nothing is sent: 1h, 2d, or a coming moment"),
)
NAME: Final = Field("name", "Name")


def scope_of(kind: str) -> tuple[Field, ...]:
    """The fields that say whose rows a rule of this kind looks at."""
    if kind in {"stale", "silent", "value"}:
        return _PROCESS, _GROUP, _DATA
    return (_PROCESS, _GROUP) if kind == "writer" else (_PROCESS, _GROUP, _FUNCTION, _DATA)


def all_of(kind: str) -> tuple[Field, ...]:
    """All fields of a rule of this kind."""
    return (NAME, *scope_of(kind), *OF_KIND.get(kind, ()), FOR, SEVERITY, *COMMON)


def read(field: Field, text: str) -> Any:  # noqa: ANN401 - as in rules.toml
    """What `text` means; what can't be read stays as it is, and the rule says what is wrong with it."""
    return _READ[field.how](text)


def texts_of(facts: Mapping[str, Any]) -> dict[str, str]:
    """What the builder's fields hold for a rule's facts (see `rule_facts.facts_of`), by their names."""
    kind = str(facts.get("kind", "stale"))
    if kind == "calls":
        kind = str(facts.get("figure", "error_rate"))
    texts = {field.name: _text(field, facts.get(field.name)) for field in all_of(kind)}
    return {**texts, "kind": kind}


def kind_of(rule: Rule) -> str:
    """The rule's kind as the builder calls it."""
    return rule.condition.figure if isinstance(rule.condition, Calls) else rule.kind


def condition_words(rule: Rule, facts: Mapping[str, Any]) -> str:
    """What a rule of these facts asks, in the builder's words: its first field, and what is not as usual."""
    kind, texts = kind_of(rule), texts_of(facts)
    first, told = OF_KIND[kind][:1], [*OF_KIND[kind], FOR, SEVERITY, *COMMON[:-4]]  # the last four decide nothing
    if texts["no_data"] == "ok" and kind in {"error_rate", "latency", "throughput"}:
        texts["no_data"] = ""  # as always with figures of calls
    asked = [field for field in told if (text := texts[field.name]) and (text != field.usual or field in first)]
    return " · ".join(f"{field.label} {texts[field.name]}" for field in asked) or KINDS[kind]


def scope_words(rule: Rule) -> str:
    """Whose rows a rule looks at, in words."""
    names = ("process", "group", "data", "function")
    words = [f"{name} {text}" for name in names if (text := getattr(rule.scope, name))]
    return " · ".join(words) or "everything"


def _number(text: str) -> float | int | str:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def _pairs(text: str) -> dict[str, str] | str:
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    return {name.strip(): told.strip() for name, _, told in pairs} if all(pair[1] for pair in pairs) else text


def _end(text: str) -> float | str:
    """Seconds since 1970, from a time from now or a moment."""
    try:
        return snooze_end_ns(text, now_ns()) / SECOND
    except BadParameter:
        return text


_READ: Final[dict[How, Callable[[str], Any]]] = {
    "text": str,
    "choice": str,
    "number": _number,
    "period": lambda text: int(text) if text.isdecimal() else text,
    "end": _end,
    "list": lambda text: [word.strip() for word in text.split(",") if word.strip()],
    "pairs": _pairs,
    "switch": lambda text: text == "on",
}


def _text(field: Field, value: Any) -> str:  # noqa: ANN401 - as in rules.toml
    if value is None:
        return field.usual
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        return ", ".join(f"{name}={text}" for name, text in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return _number_text(field, value) if isinstance(value, int | float) else str(value)


def _number_text(field: Field, number: float) -> str:
    if field.how == "end":
        return iso_text(round(number * SECOND)) if number * SECOND > now_ns() else ""
    if field.how == "period":
        return period_text(round(number * SECOND))
    return f"{number:.15g}" if isinstance(number, float) else str(number)
