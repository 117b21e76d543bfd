"""A rule as people write it, a table of `rules.toml` or a definition in the ledger, and what can be wrong with it."""

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from obs_core.alerts.rules.model import KINDS, Calls, NewException, Rule, Scope, Source, Value, Writer
from obs_core.alerts.states.machine import MOST_CROSSINGS
from obs_core.clock import SECOND, iso_ns, period_ns
from obs_core.errors import BadParameter

_FIGURES: Final = ("error_rate", "latency", "throughput")
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
_STATES: Final = ("DELAYED", "CIRCUIT_OPEN", "GONE")  # of a writer that is not well
_TEXTS: Final = ("labels", "annotations")
HINT: Final = "docs/alerts.md lists the kinds of rules and their fields."


class BadField(BadParameter):
    """A field of a rule is not usable: `field` as it is written in the file, `what` is wrong with it."""

    def __init__(self, rule: str, field: str, what: str) -> None:
        """Say it of the rule called `rule`."""
        super().__init__(f"Rule “{rule}”: {field} {what}.", HINT)
        self.rule, self.field, self.what = rule, field, what

    def __reduce__(self) -> tuple[type["BadField"], tuple[str, str, str]]:  # type: ignore[override]
        """Keep the parts when the error crosses a process."""
        return type(self), (self.rule, self.field, self.what)


def from_facts(facts: Mapping[str, Any], source: Source = "page") -> Rule:
    """The rule that a table of `rules.toml` (or a definition in the ledger) describes.

    Raises:
        BadParameter: the message names the rule and the field.
    """
    name = facts.get("name")
    if not isinstance(name, str) or not name.strip():
        raise BadParameter(f"A rule has no name: {dict(facts)!r:.80}.", HINT)
    left = {key: value for key, value in facts.items() if key not in {"name", "kind"}}
    kind = str(facts.get("kind"))
    if kind in _FIGURES:
        kind, left["figure"] = "calls", kind
    if kind not in KINDS:
        raise _wrong(name, "kind", f"is {kind!r}; it must be one of {', '.join((*KINDS, *_FIGURES))}")
    try:
        condition = _made(KINDS[kind], left, name)
        scope = _made(Scope, left, name)
        common = {ours: left.pop(theirs) for theirs, ours in _COMMON.items() if theirs in left}
        common |= {key: _texts(left.pop(key, {}), name, key) for key in ("labels", "annotations")}
        if kind == "calls":
            common.setdefault("no_data", "ok")  # a rate of no calls is no trouble, as in Prometheus
        snoozed = left.pop("snoozed_until", None)
        until = None if snoozed is None else _moment(snoozed, name)
    except KeyError as error:
        raise _wrong(name, str(error.args[0]), "is missing") from error
    if left:
        raise _wrong(name, next(iter(left)), f"is no field of a {kind} rule")
    checked: dict[str, Any] = {
        ours: value if ours in _TEXTS else _checked(_field(Rule, ours), value, name) for ours, value in common.items()
    }
    rule = Rule(name.strip(), condition, scope, **checked, snoozed_until_ns=until, source=source)
    _sensible(rule)
    return rule


def facts_of(rule: Rule) -> dict[str, Any]:
    """The rule as a table of `rules.toml`: what is not at its default."""
    found: dict[str, Any] = {"name": rule.name, "kind": rule.kind}
    for part in (rule.condition, rule.scope):
        for each in fields(part):
            value = getattr(part, each.name)
            if value != each.default:
                found[each.name.removesuffix("_s")] = list(value) if isinstance(value, tuple) else value
    for theirs, ours in _COMMON.items():
        always = theirs == "no_data" and rule.kind == "calls"
        if always or getattr(rule, ours) != _field(Rule, ours).default:
            found[theirs] = getattr(rule, ours)
    found |= {key: dict(getattr(rule, key)) for key in ("labels", "annotations") if getattr(rule, key)}
    if rule.snoozed_until_ns is not None:
        found["snoozed_until"] = rule.snoozed_until_ns / SECOND
    return found


def _made(kind: type[Any], left: dict[str, Any], rule: str) -> Any:  # noqa: ANN401 - an instance of `kind`
    """An instance of the dataclass `kind` from those of its fields that `left` has; periods are written without _s."""
    values = {}
    for each in fields(kind):
        written = each.name.removesuffix("_s")
        if written in left:
            values[each.name] = _checked(each, left.pop(written), rule, kind)
    return kind(**values)


def _checked(each: "Field[Any]", value: Any, rule: str, kind: type[Any] = Rule) -> Any:  # noqa: ANN401 - as in the file
    """`value` as the field wants it."""
    written = each.name.removesuffix("_s")
    wanted = get_type_hints(kind)[each.name]
    options = get_args(wanted) if get_origin(wanted) in {Union, types.UnionType} else (wanted,)
    if value is None and type(None) in options:
        return None
    if get_origin(wanted) is Literal:
        if value not in get_args(wanted):
            raise _wrong(rule, written, f"is {value!r}; it must be one of {', '.join(map(str, get_args(wanted)))}")
        return value
    if get_origin(wanted) is tuple:
        if not isinstance(value, list | tuple):
            raise _wrong(rule, written, f"is {value!r}; it must be a list")
        return tuple(str(word) for word in value)
    if bool in options or str in options:
        if not isinstance(value, bool if bool in options else str):
            raise _wrong(rule, written, f"is {value!r}; it must be {'true or false' if bool in options else 'text'}")
        return value
    number = _seconds(value) if each.name.endswith("_s") else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise _wrong(
            rule, written, f"is {value!r}; it must be a number" + (" or a period such as 5m" * (number is None))
        )
    if float not in options and not isinstance(number, int):
        raise _wrong(rule, written, f"is {value!r}; it must be a whole number")
    return float(number) if float in options else number


def _seconds(value: Any) -> float | None:  # noqa: ANN401 - as in the file
    """A period: a number of seconds, or 30s, 5m, 1h, 2d."""
    if isinstance(value, str):
        length_ns = period_ns(value, fraction=True)
        return None if length_ns is None else length_ns / SECOND
    return value if isinstance(value, int | float) else None


def _sensible(rule: Rule) -> None:
    condition = rule.condition
    for each in (*fields(rule), *fields(condition)):
        value = getattr(condition if hasattr(condition, each.name) else rule, each.name)
        least = 1 if each.name in {"threshold", "flap_count", "critical"} else 0
        if isinstance(value, int | float) and each.name not in {"above", "below"} and value < least:
            raise _wrong(rule.name, each.name.removesuffix("_s"), f"is {value}; it must be {least} or more")
    if rule.scope.function and not isinstance(condition, Calls | NewException):
        raise _wrong(rule.name, "function", "is for rules about calls; name a series by process, group and data")
    if rule.flap_count > MOST_CROSSINGS:
        raise _wrong(rule.name, "flap_count", f"is {rule.flap_count}; it must be at most {MOST_CROSSINGS}")
    match condition:
        case Value(above=None, below=None, allowed=()):
            raise _wrong(rule.name, "above", "is missing: give above, below or allowed")
        case Calls(above=None, below=None, changed_percent=None):
            raise _wrong(rule.name, "above", "is missing: give above, below or changed_percent")
        case Calls(window_s=window_s) if window_s < 1:
            raise _wrong(rule.name, "window", "is shorter than a second")
        case Writer(states=(), drops=False):
            raise _wrong(rule.name, "states", "is empty and drops are not told: nothing could fire")
        case Writer(states=states) if unknown := [each for each in states if each not in _STATES]:
            raise _wrong(rule.name, "states", f"has {unknown[0]!r}; it may hold {', '.join(_STATES)}")


def _texts(value: Any, rule: str, key: str) -> tuple[tuple[str, str], ...]:  # noqa: ANN401 - as in the file
    if not isinstance(value, dict):
        raise _wrong(rule, key, f"is {value!r}; it must be a table of texts")
    return tuple(sorted((str(name), str(text)) for name, text in value.items()))


def _moment(value: Any, rule: str) -> int:  # noqa: ANN401 - as in the file
    moment = round(value * SECOND) if isinstance(value, int | float) else iso_ns(str(value))
    if moment is None:
        raise _wrong(rule, "snoozed_until", f"is {value!r}; it must be a time such as 2026-01-31T12:00:00Z")
    return moment


def _field(kind: type[Any], name: str) -> "Field[Any]":
    return next(each for each in fields(kind) if each.name == name and each.default is not MISSING)


def _wrong(rule: str, field: str, what: str) -> BadField:
    return BadField(rule, field, what)
