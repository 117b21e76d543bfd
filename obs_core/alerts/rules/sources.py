"""Where rules are stored: `rules.toml` next to the log, and the ledger, for rules made on the page or command line."""

import json
import sqlite3
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from obs_core.alerts.rules.model import Rule, RuleSource
from obs_core.alerts.rules.parsing import HINT, parse_rule, rule_table
from obs_core.errors import BadParameter
from obs_core.store import sqlite

NAME: Final = "rules.toml"
WHOLE_FILE: Final = ""
"""In place of a rule's name: the file can't be read."""


def path_of(log: Path) -> Path:
    """Return the path of the rules file of `log`."""
    return log.with_name(NAME)


def state(log: Path, ledger: sqlite3.Connection) -> tuple[object, ...]:
    """Return a value that changes when the rules change; it costs nothing, and reading a thousand rules 50 ms."""
    try:
        stat = path_of(log).stat()
        file: object = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    except OSError:
        file = None
    return file, tuple(_definitions(ledger))


class ReadRules(NamedTuple):
    """The valid rules by name, and what is wrong with the others, also by name.

    `WHOLE_FILE` among them means that no rule of the file could be read.
    """

    rules: list[Rule]
    invalid: dict[str, BadParameter]


def read(log: Path, ledger: sqlite3.Connection | None) -> ReadRules:
    """Return the rules for `log`, from the file and the ledger; one that is invalid does not hinder the others."""
    valid: dict[str, Rule] = {}
    invalid: dict[str, BadParameter] = {}
    path = path_of(log)
    try:
        tables: list[tuple[Any, RuleSource]] = [(table, "file") for table in _tables(path)]
    except BadParameter as error:
        invalid[WHOLE_FILE] = error
        tables = []
    tables += [(json.loads(definition), "page") for definition in _definitions(ledger)]
    for number, (table, source) in enumerate(tables, 1):
        try:
            rule = parse_rule(table, source)
        except BadParameter as error:
            name = str(table.get("name") or "").strip()
            invalid[name or f"number {number} of the file"] = error
            continue
        if rule.name in valid:
            message = f"Two rules are called “{rule.name}”."
            invalid[rule.name] = BadParameter(message, f"Rename the one on the page, or the one in {path}.")
        valid.setdefault(rule.name, rule)
    return ReadRules([valid[name] for name in sorted(valid)], invalid)


def rules(log: Path, ledger: sqlite3.Connection) -> list[Rule]:
    """Return all rules for `log`, from the file and the ledger, by name.

    Raises:
        BadParameter: a rule can't be read, or a name is used twice.
    """
    all_rules, invalid = read(log, ledger)
    for error in invalid.values():
        raise error
    return all_rules


def from_file(path: Path) -> list[Rule]:
    """Return the rules in a TOML file, from its [[rule]] tables; none if there is no such file.

    Raises:
        BadParameter: the file or one of its rules can't be read.
    """
    return [parse_rule(table, "file") for table in _tables(path)]


def _tables(path: Path) -> list[dict[str, Any]]:
    """The [[rule]] tables of a file.

    Raises:
        BadParameter: the file can't be read.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise BadParameter(f"{path} can't be read: {error}.", HINT) from error
    tables = document.pop("rule", [])
    if document or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        names = ", ".join(document) or "rule"
        raise BadParameter(f"{path} contains {names}; only [[rule]] tables are allowed.", HINT)
    return tables


def _definitions(ledger: sqlite3.Connection | None) -> list[str]:
    """The rules made on the page or the command line, as stored."""
    rows = [] if ledger is None else ledger.execute("SELECT definition FROM rule ORDER BY name").fetchall()
    return [definition for (definition,) in rows]


def add(ledger: sqlite3.Connection, log: Path, rule: Rule, now_ns: int) -> None:
    """Save a new rule.

    Raises:
        BadParameter: there is a rule with this name already.
    """
    with sqlite.transaction(ledger):
        others, invalid = read(log, ledger)
        if rule.name in invalid or rule.name in {other.name for other in others}:
            raise BadParameter(f"There is a rule called “{rule.name}” already.", "Choose another name, or remove it.")
        ledger.execute("INSERT INTO rule VALUES (?, ?, ?)", (rule.name, json.dumps(rule_table(rule)), now_ns))


def change(ledger: sqlite3.Connection, rule: Rule) -> None:
    """Replace the rule in the ledger that has the name of `rule`.

    Raises:
        BadParameter: the ledger has no rule with this name.
    """
    cursor = ledger.execute("UPDATE rule SET definition = ? WHERE name = ?", (json.dumps(rule_table(rule)), rule.name))
    if not cursor.rowcount:
        raise _not_in_ledger(rule.name)


def remove(ledger: sqlite3.Connection, name: str) -> None:
    """Remove a rule from the ledger; its history stays.

    Raises:
        BadParameter: the ledger has no rule with this name.
    """
    with sqlite.transaction(ledger):
        if not ledger.execute("DELETE FROM rule WHERE name = ?", (name,)).rowcount:
            raise _not_in_ledger(name)


def with_snoozes(all_rules: list[Rule], snoozes: Mapping[str, int]) -> list[Rule]:
    """Return the rules with the snoozes that were set on the page."""
    return [replace(rule, snoozed_until_ns=snoozes.get(rule.name, rule.snoozed_until_ns)) for rule in all_rules]


def _not_in_ledger(name: str) -> BadParameter:
    message = f"No rule called “{name}” was made on the page or command line."
    return BadParameter(message, f"python -m obs_core rules list shows all rules; edit those of {NAME} there.")
