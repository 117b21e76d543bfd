"""`<log>.alerts.db`: rules made on the page, alerts as they stand, flips, snoozes and deliveries.

`flip` and `delivery` are what obs_core.alerts.deliver works from: a flip is a row that is created once, a delivery is a
message about it. All moments are nanoseconds since 1970 UTC; labels and annotations are JSON objects with sorted keys.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from obs_core.store import migrations, sqlite

SUFFIX: Final = ".alerts.db"
_FNV_OFFSET: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3


class AlertTransition(NamedTuple):
    """One change of an alert's state; `starts_ns` and `ends_ns` say since when and until when it fired.

    What happens `while_flapping` is recorded and not told; that flapping begins and ends are flips of their own.
    """

    rule: str
    labels: str
    state_from: str
    state_to: str
    moment_ns: int
    value: str | None
    annotations: str
    severity: str
    fingerprint: str
    starts_ns: int | None
    ends_ns: int | None
    while_flapping: bool = False


class AlertRow(NamedTuple):
    """An alert as it stands; `machine` is its state machine as JSON."""

    rule: str
    labels: str
    fingerprint: str
    severity: str
    state: str
    since_ns: int
    value: str | None
    annotations: str
    machine: str


class EvaluatedRange(NamedTuple):
    """How far a rule has been judged, and by which condition."""

    condition: str
    id: int
    moment_ns: int


def path_of(log: Path) -> Path:
    """The ledger of the log at `log`."""
    return log.with_name(log.name + SUFFIX)


def open_ledger(log: Path) -> sqlite.Connection:
    """Open the ledger of `log` for writing; make it if need be.

    Raises:
        LogUnreadable: it can't be opened or written.
        SchemaTooNew: a newer version of this product made it.
    """
    return migrations.open_database(path_of(log), "obs_core.alerts")


def text_of(pairs: Mapping[str, str]) -> str:
    """Labels or annotations as the ledger keeps them."""
    return json.dumps(dict(sorted(pairs.items())), ensure_ascii=False, separators=(",", ":"))


def fingerprint(labels: Mapping[str, str]) -> str:
    """The fingerprint that Prometheus and Alertmanager give these labels (FNV-1a, 64 bits, 16 hex digits).

    As in prometheus/common, model/signature.go: each sorted name and value is followed by the byte 255.
    """
    found = _FNV_OFFSET
    for name, value in sorted(labels.items()):
        for word in (name, value):
            for byte in (*word.encode(), 255):
                found = ((found ^ byte) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return f"{found:016x}"


def record(connection: sqlite3.Connection, flips: Iterable[AlertTransition], standings: Iterable[AlertRow]) -> None:
    """Add `flips` (those that are there already change nothing) and put `standings` in place of what stood before."""
    marks = ", ".join("?" * len(AlertTransition._fields))
    connection.executemany(
        f"INSERT INTO flip ({', '.join(AlertTransition._fields)}) VALUES ({marks}) ON CONFLICT DO NOTHING", flips
    )
    marks = ", ".join("?" * len(AlertRow._fields))
    connection.executemany(f"INSERT OR REPLACE INTO alert ({', '.join(AlertRow._fields)}) VALUES ({marks})", standings)


def alert_rows(connection: sqlite3.Connection) -> list[AlertRow]:
    """All alerts as they stand, by rule and labels."""
    found = connection.execute(f"SELECT {', '.join(AlertRow._fields)} FROM alert ORDER BY rule, labels")
    return [AlertRow(*row) for row in found]


def transitions(
    connection: sqlite3.Connection, *, rule: str | None = None, after: int = 0
) -> list[tuple[int, AlertTransition]]:
    """The flips with an id above `after`, of one rule if `rule` names it, in the order of their creation."""
    found = connection.execute(
        f"SELECT id, {', '.join(AlertTransition._fields)} FROM flip"
        " WHERE id > ? AND (?2 IS NULL OR rule = ?2) ORDER BY id",
        (after, rule),
    )
    return [(row[0], AlertTransition(*row[1:])) for row in found]


def newest_transitions(connection: sqlite3.Connection, rule: str, most: int) -> list[AlertTransition]:
    """The newest `most` flips of `rule`, the newest first."""
    found = connection.execute(
        f"SELECT {', '.join(AlertTransition._fields)} FROM flip WHERE rule = ?"
        " ORDER BY moment_ns DESC, id DESC LIMIT ?",
        (rule, most),
    )
    return [AlertTransition(*row) for row in found]


def mark_evaluated(connection: sqlite3.Connection, marks: Mapping[str, EvaluatedRange]) -> None:
    """Remember how far each rule has been judged."""
    rows = [(rule, *mark) for rule, mark in marks.items()]
    connection.executemany("INSERT OR REPLACE INTO judged VALUES (?, ?, ?, ?)", rows)


def evaluated_ranges(connection: sqlite3.Connection) -> dict[str, EvaluatedRange]:
    """How far each rule has been judged."""
    return {row[0]: EvaluatedRange(*row[1:]) for row in connection.execute("SELECT * FROM judged")}


def forget(connection: sqlite3.Connection, rule: str) -> None:
    """Drop how a rule stands; its flips stay."""
    for table in ("alert", "judged", "met"):
        connection.execute(f"DELETE FROM {table} WHERE rule = ?", (rule,))


def snooze(connection: sqlite3.Connection, rule: str, until_ns: int) -> None:
    """Suppress what `rule` would send until this moment; a moment that has passed ends the snooze."""
    connection.execute("INSERT OR REPLACE INTO snooze VALUES (?, ?)", (rule, until_ns))


def snoozes(connection: sqlite3.Connection) -> dict[str, int]:
    """Until when each rule is snoozed."""
    return dict(connection.execute("SELECT rule, until_ns FROM snooze"))


def mark_seen(connection: sqlite3.Connection, words: Iterable[tuple[str, str]]) -> None:
    """Remember (rule, word) pairs that were met."""
    connection.executemany("INSERT OR IGNORE INTO met VALUES (?, ?)", words)


def seen_exceptions(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """The words that each rule has met."""
    found: dict[str, set[str]] = {}
    for rule, word in connection.execute("SELECT rule, word FROM met"):
        found.setdefault(rule, set()).add(word)
    return found
