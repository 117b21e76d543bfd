"""Where rules are: `rules.toml` beside the log, and those that were made on the page (the ledger)."""

import json
import sqlite3
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from obs_core.alerts.rules.model import Rule
from obs_core.alerts.rules.parsing import HINT, facts_of, from_facts
from obs_core.errors import BadParameter
from obs_core.store import sqlite

NAME: Final = "rules.toml"


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
        raise BadParameter(f"{path} can't be read: {error}.", HINT) from error
    tables = told.pop("rule", [])
    if told or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadParameter(f"{path} holds {', '.join(told) or 'rule'}; it may hold tables [[rule]] only.", HINT)
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


def with_snoozes(found: list[Rule], snoozes: Mapping[str, int]) -> list[Rule]:
    """The rules with the snoozes that were set on the page."""
    return [replace(rule, snoozed_until_ns=snoozes.get(rule.name, rule.snoozed_until_ns)) for rule in found]


def _not_ours(name: str) -> BadParameter:
    message = f"No rule called “{name}” was made on the page."
    return BadParameter(message, f"python -m obs_core rules list shows them; those of {NAME} are changed there.")
