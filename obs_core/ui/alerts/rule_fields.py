"""The fields of the rule form: those of every rule and those of each kind, and the texts of a rule's settings.

Each field is a link parameter named `r_` and its name, so a link can fill the form.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from obs_core.alerts.rules import parsing
from obs_core.alerts.rules.kind import Field, FieldType
from obs_core.alerts.rules.kinds import KINDS
from obs_core.alerts.rules.model import Rule
from obs_core.clock import SECOND, iso_text, now_ns, period_text
from obs_core.errors import BadParameter
from obs_core.ui.kit.durations import snooze_end_ns

DEFAULT_KIND: Final = "stale"
NAME: Final = Field("name", "Name")
_PROCESS: Final = Field("process", "Process", help="Empty: all; * and ? match any characters")
_GROUP: Final = Field("group", "Process group", help="Empty: all; a name or a pattern")
_DATA: Final = Field("data", "Variable", help="Name of the data; empty: all; a name or a pattern")
_CALL: Final = Field("data", "Name of the call", help="As in the column Data; empty: all; a name or a pattern")
_FUNCTION: Final = Field("function", "Function", help="Empty: all; a name or a pattern")
_SCOPES: Final = {
    "values": (_PROCESS, _GROUP, _DATA),
    "calls": (_PROCESS, _GROUP, _FUNCTION, _CALL),
    "writers": (_PROCESS, _GROUP),
}
FOR: Final = Field(
    "for", "For", "period", help="How long the condition must hold before it fires; empty: fires at once"
)
SEVERITY: Final = Field(
    "severity", "Severity", "open choice", "warning", "Or type one of your own", ("info", "warning", "critical")
)
_TIMING: Final = (
    Field(
        "keep_firing_for", "Keep firing for", "period", help="How long it keeps firing after the condition has ended"
    ),
    Field("no_data", "On no data", "choice", "", "State when no data arrives", ("", "ok", "keep", "alert")),
    Field("no_data_after", "No data after", "period", "5m"),
    Field("flap_count", "Flapping after (changes)", "number", "3"),
    Field("flap_window", "Flapping window", "period", "100s"),
)
COMMON: Final = (
    *_TIMING,
    Field("labels", "Labels", "pairs", help="name=text, comma-separated: team=water, site=north"),
    Field(
        "annotations", "Annotations", "pairs", help="runbook=https://… , note=… {{ $value }}; addresses become links"
    ),
    Field("enabled", "Enabled", "switch", "on", "Off: saved but not evaluated", ("on", "off")),
    Field("snoozed_until", "Snoozed until", "end", help="Evaluated, but nothing is sent: 1h, 2d, or a time"),
)


def scope_fields(kind: str) -> tuple[Field, ...]:
    """Return the fields for the scope of a rule of this kind."""
    return _SCOPES[KINDS[kind].reads]


def all_fields(kind: str) -> tuple[Field, ...]:
    """Return all fields of a rule of this kind."""
    return (NAME, *scope_fields(kind), *KINDS[kind].fields, FOR, SEVERITY, *COMMON)


def read(field: Field, text: str) -> Any:  # noqa: ANN401 - as in rules.toml
    """Return the value for `text`; text that can't be parsed stays as it is, and the rule reports what is wrong."""
    return _READ[field.type](text)


def texts_of(table: Mapping[str, Any]) -> dict[str, str]:
    """Return the form's texts for a rule (see `parsing.rule_table`), by field name."""
    kind = str(table.get("kind", DEFAULT_KIND))
    texts = {field.name: _text(field, table.get(field.name)) for field in all_fields(kind)}
    return {**texts, "kind": kind}


def condition_summary(rule: Rule) -> str:
    """Describe what a rule checks: the first field of its kind, and all settings that are not at their default."""
    kind, texts = KINDS[rule.kind], texts_of(parsing.rule_table(rule))
    shown = [
        field
        for field in (*kind.fields, FOR, SEVERITY, *_TIMING)
        if (text := texts[field.name]) and (text != field.default or field in kind.fields[:1])
    ]
    return " · ".join(f"{field.label} {texts[field.name]}" for field in shown) or kind.summary


def scope_summary(rule: Rule) -> str:
    """Describe which rows a rule reads."""
    names = ("process", "group", "data", "function")
    texts = [f"{name} {text}" for name in names if (text := getattr(rule.scope, name))]
    return " · ".join(texts) or "everything"


def _number(text: str) -> float | int | str:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def _pairs(text: str) -> dict[str, str] | str:
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    return {name.strip(): value.strip() for name, _, value in pairs} if all(pair[1] for pair in pairs) else text


def _end(text: str) -> float | str:
    """Seconds since 1970, from a period from now or a time."""
    try:
        return snooze_end_ns(text, now_ns()) / SECOND
    except BadParameter:
        return text


_READ: Final[dict[FieldType, Callable[[str], Any]]] = {
    "text": str,
    "choice": str,
    "open choice": str,
    "number": _number,
    "period": lambda text: int(text) if text.isdecimal() else text,
    "end": _end,
    "list": lambda text: [item.strip() for item in text.split(",") if item.strip()],
    "pairs": _pairs,
    "switch": lambda text: text == "on",
}


def _text(field: Field, value: Any) -> str:  # noqa: ANN401 - as in rules.toml
    if value is None:
        return field.default
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        return ", ".join(f"{name}={text}" for name, text in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return _number_text(field, value) if isinstance(value, int | float) else str(value)


def _number_text(field: Field, number: float) -> str:
    if field.type == "end":
        return iso_text(round(number * SECOND)) if number * SECOND > now_ns() else ""
    if field.type == "period":
        return period_text(round(number * SECOND))
    return f"{number:.15g}" if isinstance(number, float) else str(number)
