"""Rules as people write them: `rules.toml` beside the log, and the rules that were made on the page (the ledger)."""

import json
import math
import sqlite3
import tomllib
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from obs_core.alerts.rules import KINDS, Calls, Rule, Scope, Source, Value
from obs_core.clock import SECOND, UNITS, iso_ns
from obs_core.errors import BadParameter
from obs_core.store import sqlite

NAME: Final = "rules.toml"
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
_TEXTS: Final = ("labels", "annotations")
_HINT: Final = "docs/alerts.md lists the kinds of rules and their fields."


class BadField(BadParameter):
    """A field of a rule is not usable: `field` as it is written in the file, `what` is wrong with it."""

    def __init__(self, rule: str, field: str, what: str) -> None:
        """Say it of the rule called `rule`."""
        super().__init__(f"Rule “{rule}”: {field} {what}.", _HINT)
        self.rule, self.field, self.what = rule, field, what

    def __reduce__(self) -> tuple[type["BadField"], tuple[str, str, str]]:  # type: ignore[override]
        """Keep the parts when the error crosses a process."""
        return type(self), (self.rule, self.field, self.what)


def path_of(log: Path) -> Path:
    """Where the rules file of `log` is."""
    return log.with_name(NAME)


def state(log: Path, ledger: sqlite3.Connection) -> tuple[object, ...]:
    """Something that differs when the rules have changed; reading a thousand of them takes 50 ms, this takes none."""
    try:
        facts = path_of(log).stat()
        file: object = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
    except OSError:
        file = None
    return file, tuple(ledger.execute("SELECT definition FROM rule ORDER BY name").fetchall())


def rules(log: Path, ledger: sqlite3.Connection) -> list[Rule]:
    """All rules that hold for `log`, by name: those of the file, then those of the ledger.

    Raises:
        BadParameter: a rule can't be read, or a name is used twice.
    """
    found = [*from_file(path_of(log)), *from_ledger(ledger)]
    names: set[str] = set()
    for rule in found:
        if rule.name in names:
            message = f"Two rules are called “{rule.name}”."
            raise BadParameter(message, f"Rename the one on the page, or the one in {path_of(log)}.")
        names.add(rule.name)
    return sorted(found, key=lambda rule: rule.name)


def from_file(path: Path) -> list[Rule]:
    """The rules in a TOML file, which are tables [[rule]]; none if there is no such file.

    Raises:
        BadParameter: the file or one of its rules can't be read.
    """
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise BadParameter(f"{path} can't be read: {error}.", _HINT) from error
    tables = told.pop("rule", [])
    if told or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadParameter(f"{path} holds {', '.join(told) or 'rule'}; it may hold tables [[rule]] only.", _HINT)
    return [from_facts(table, "file") for table in tables]


def from_ledger(ledger: sqlite3.Connection) -> list[Rule]:
    """The rules that were made on the page or the command line, with the snoozes of all."""
    found = ledger.execute("SELECT definition FROM rule ORDER BY name").fetchall()
    return [from_facts(json.loads(definition)) for (definition,) in found]


def add(ledger: sqlite3.Connection, log: Path, rule: Rule, now_ns: int) -> None:
    """Keep a new rule.

    Raises:
        BadParameter: there is one of this name.
    """
    with sqlite.transaction(ledger):
        if rule.name in {each.name for each in rules(log, ledger)}:
            raise BadParameter(f"There is a rule called “{rule.name}” already.", "Choose another name, or remove it.")
        ledger.execute("INSERT INTO rule VALUES (?, ?, ?)", (rule.name, json.dumps(facts_of(rule)), now_ns))


def change(ledger: sqlite3.Connection, rule: Rule) -> None:
    """Put `rule` in the place of the one of its name that was made on the page.

    Raises:
        BadParameter: there is none of this name in the ledger.
    """
    done = ledger.execute("UPDATE rule SET definition = ? WHERE name = ?", (json.dumps(facts_of(rule)), rule.name))
    if not done.rowcount:
        raise _not_ours(rule.name)


def remove(ledger: sqlite3.Connection, name: str) -> None:
    """Forget a rule that was made on the page; its flips stay.

    Raises:
        BadParameter: there is none of this name in the ledger.
    """
    with sqlite.transaction(ledger):
        if not ledger.execute("DELETE FROM rule WHERE name = ?", (name,)).rowcount:
            raise _not_ours(name)


def from_facts(facts: Mapping[str, Any], source: Source = "page") -> Rule:
    """The rule that a table of `rules.toml` (or a definition in the ledger) describes.

    Raises:
        BadParameter: the message names the rule and the field.
    """
    name = facts.get("name")
    if not isinstance(name, str) or not name.strip():
        raise BadParameter(f"A rule has no name: {dict(facts)!r:.80}.", _HINT)
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


def with_snoozes(found: list[Rule], snoozes: Mapping[str, int]) -> list[Rule]:
    """The rules with the snoozes that were set on the page."""
    return [replace(rule, snoozed_until_ns=snoozes.get(rule.name, rule.snoozed_until_ns)) for rule in found]


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
    if isinstance(value, str) and value[-1:] in UNITS and value[:-1].replace(".", "", 1).isdecimal():
        return float(value[:-1]) * UNITS[value[-1]] / SECOND
    return value if isinstance(value, int | float) else None


def _sensible(rule: Rule) -> None:
    condition = rule.condition
    for each in (*fields(rule), *fields(condition)):
        value = getattr(condition if hasattr(condition, each.name) else rule, each.name)
        least = 1 if each.name in {"threshold", "flap_count", "critical"} else 0
        if isinstance(value, int | float) and each.name not in {"above", "below"} and value < least:
            raise _wrong(rule.name, each.name.removesuffix("_s"), f"is {value}; it must be {least} or more")
    if isinstance(condition, Value) and condition.above is condition.below is None and not condition.allowed:
        raise _wrong(rule.name, "above", "is missing: give above, below or allowed")
    if isinstance(condition, Calls):
        if condition.above is condition.below is condition.changed_percent is None:
            raise _wrong(rule.name, "above", "is missing: give above, below or changed_percent")
        if condition.window_s < 1:
            raise _wrong(rule.name, "window", "is shorter than a second")


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


def _not_ours(name: str) -> BadParameter:
    message = f"No rule called “{name}” was made on the page."
    return BadParameter(message, f"python -m obs_core rules list shows them; those of {NAME} are changed there.")


def _wrong(rule: str, field: str, what: str) -> BadField:
    return BadField(rule, field, what)
