"""Parses rules from their written form, a table of `rules.toml` or a definition in the ledger, and writes them."""

import math
import types
from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from obs_core.alerts.rules.kinds import KINDS
from obs_core.alerts.rules.model import Rule, RuleSource, Scope
from obs_core.alerts.states.machine import MOST_CROSSINGS
from obs_core.clock import SECOND, iso_ns, period_ns
from obs_core.errors import BadParameter

_COMMON: Final = {
    "for": "for_s",
    "keep_firing_for": "keep_firing_for_s",
    "no_data": "no_data",
    "no_data_after": "no_data_after_s",
    "severity": "severity",
    "enabled": "enabled",
    "flap_count": "flap_count",
    "flap_window": "flap_window_s",
}
"""The settings of all rules: as written, and as fields of `Rule`."""
_TEXTS: Final = ("labels", "annotations")
HINT: Final = "docs/alerts.md lists the kinds of rules and their fields."
_TYPES: Final[dict[type[Any], dict[str, Any]]] = {}


class InvalidField(BadParameter):
    """A field of a rule is not valid: `field` as written, and `problem`, what is wrong with it."""

    def __init__(self, rule: str, field: str, problem: str) -> None:
        """Make the message for the rule called `rule`."""
        super().__init__(f"Rule “{rule}”: {field} {problem}.", HINT)
        self.rule, self.field, self.problem = rule, field, problem

    def __reduce__(self) -> tuple[type["InvalidField"], tuple[str, str, str]]:  # type: ignore[override]
        """Keep the parts when the error is pickled."""
        return type(self), (self.rule, self.field, self.problem)


def parse_rule(table: Mapping[str, Any], source: RuleSource = "page") -> Rule:
    """Return the rule described by a table of `rules.toml` (or a definition in the ledger).

    Raises:
        BadParameter: the message names the rule and the field.
    """
    name = table.get("name")
    if not isinstance(name, str) or not name.strip():
        raise BadParameter(f"A rule has no name: {dict(table)!r:.80}.", HINT)
    left = {key: value for key, value in table.items() if key not in {"name", "kind"}}
    kind_name = str(table.get("kind"))
    if kind_name == "calls":  # as written by earlier versions
        kind_name = str(left.pop("figure", "error_rate"))
    kind = KINDS.get(kind_name)
    if kind is None:
        raise InvalidField(name, "kind", f"is {kind_name!r}; it must be one of {', '.join(KINDS)}")
    condition = _parsed(kind.condition, {**left, **kind.preset}, name)
    scope = _parsed(Scope, left, name)
    used = {_written(field) for part in (condition, scope) for field in fields(part)} - set(kind.preset)
    left = {key: value for key, value in left.items() if key not in used}
    common = {"no_data": kind.no_data}
    common |= {field: left.pop(written) for written, field in _COMMON.items() if written in left}
    texts: dict[str, Any] = {key: _text_pairs(left.pop(key, {}), name, key) for key in _TEXTS}
    snoozed = left.pop("snoozed_until", None)
    until_ns = None if snoozed is None else _time_ns(snoozed, name)
    if left:
        raise InvalidField(name, next(iter(left)), f"is not a field of a {kind.name} rule")
    settings: dict[str, Any] = {field: _checked(_rule_field(field), value, name) for field, value in common.items()}
    rule = Rule(name.strip(), condition, scope, **settings, **texts, snoozed_until_ns=until_ns, source=source)
    _validate(rule)
    return rule


def rule_table(rule: Rule) -> dict[str, Any]:
    """Return the rule as a table of `rules.toml`, without the fields that have their default."""
    kind = KINDS[rule.kind]
    table: dict[str, Any] = {"name": rule.name, "kind": rule.kind}
    for part in (rule.condition, rule.scope):
        for field in fields(part):  # type: ignore[arg-type] # every condition is a dataclass
            value = getattr(part, field.name)
            if value != field.default and field.name not in kind.preset:
                table[_written(field)] = list(value) if isinstance(value, tuple) else value
    for written, name in _COMMON.items():
        default = kind.no_data if written == "no_data" else _rule_field(name).default
        if getattr(rule, name) != default:
            table[written] = getattr(rule, name)
    table |= {key: dict(getattr(rule, key)) for key in _TEXTS if getattr(rule, key)}
    if rule.snoozed_until_ns is not None:
        table["snoozed_until"] = rule.snoozed_until_ns / SECOND
    return table


def _written(field: "Field[Any]") -> str:
    """The name of a field in `rules.toml`: periods have no suffix there."""
    return field.name.removesuffix("_s")


def _parsed(part: type[Any], table: Mapping[str, Any], rule: str) -> Any:  # noqa: ANN401 - an instance of `part`
    """An instance of the dataclass `part` from its fields in `table`."""
    values = {}
    for field in fields(part):
        if (written := _written(field)) in table:
            values[field.name] = _checked(field, table[written], rule, part)
    return part(**values)


def _checked(field: "Field[Any]", value: Any, rule: str, part: type[Any] = Rule) -> Any:  # noqa: ANN401 - as in the file
    """`value` as the type of the field, or an error."""
    written = _written(field)
    hint = _types(part)[field.name]
    options = get_args(hint) if get_origin(hint) in {Union, types.UnionType} else (hint,)
    if value is None and type(None) in options:
        return None
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise InvalidField(rule, written, f"is {value!r}; it must be one of {', '.join(map(str, get_args(hint)))}")
        return value
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise InvalidField(rule, written, f"is {value!r}; it must be a list")
        return tuple(str(item) for item in value)
    if bool in options or str in options:
        if not isinstance(value, bool if bool in options else str):
            expected = "true or false" if bool in options else "text"
            raise InvalidField(rule, written, f"is {value!r}; it must be {expected}")
        return value
    number = _seconds(value) if field.name.endswith("_s") else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not _is_finite(number):
        alternative = " or a period such as 5m" if number is None else ""
        raise InvalidField(rule, written, f"is {value!r}; it must be a number{alternative}")
    if float not in options and not isinstance(number, int):
        raise InvalidField(rule, written, f"is {value!r}; it must be a whole number")
    return float(number) if float in options else number


def _types(part: type[Any]) -> dict[str, Any]:
    """The types of the fields of a dataclass; found each time, they took three quarters of the time to read rules."""
    if part not in _TYPES:
        _TYPES[part] = get_type_hints(part)
    return _TYPES[part]


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer that no float holds
        return False


def _seconds(value: Any) -> float | None:  # noqa: ANN401 - as in the file
    """A period: a number of seconds, or 30s, 5m, 1h, 2d."""
    if isinstance(value, str):
        length_ns = period_ns(value, fraction=True)
        return None if length_ns is None else length_ns / SECOND
    return value if isinstance(value, int | float) else None


def _validate(rule: Rule) -> None:
    """Check numbers against their minimum, and fields that only make sense together."""
    kind = KINDS[rule.kind]
    minimums = {field.name: field.minimum for field in kind.fields} | {"flap_count": 1}
    for part in (rule, rule.condition):
        for field in fields(part):  # type: ignore[arg-type] # every condition is a dataclass
            value, minimum = getattr(part, field.name), minimums.get(_written(field), 0)
            if isinstance(value, int | float) and minimum is not None and value < minimum:
                raise InvalidField(rule.name, _written(field), f"is {value}; it must be {minimum} or more")
    if rule.scope.function and kind.reads != "calls":
        problem = "is for rules on calls; name a series by process, group and data"
        raise InvalidField(rule.name, "function", problem)
    if rule.flap_count > MOST_CROSSINGS:
        raise InvalidField(rule.name, "flap_count", f"is {rule.flap_count}; it must be at most {MOST_CROSSINGS}")
    if invalid := kind.problem(rule.condition):
        raise InvalidField(rule.name, *invalid)


def _text_pairs(value: Any, rule: str, key: str) -> tuple[tuple[str, str], ...]:  # noqa: ANN401 - as in the file
    if not isinstance(value, dict):
        raise InvalidField(rule, key, f"is {value!r}; it must be a table of texts")
    return tuple(sorted((str(name), str(text)) for name, text in value.items()))


def _time_ns(value: Any, rule: str) -> int:  # noqa: ANN401 - as in the file
    time_ns = round(value * SECOND) if isinstance(value, int | float) else iso_ns(str(value))
    if time_ns is None:
        raise InvalidField(rule, "snoozed_until", f"is {value!r}; it must be a time such as 2026-01-31T12:00:00Z")
    return time_ns


def _rule_field(name: str) -> "Field[Any]":
    return next(field for field in fields(Rule) if field.name == name)
