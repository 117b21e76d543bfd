"""`<log>.alerts.db`: rules made on the page, the current alerts, their transitions, snoozes and deliveries.

`transition` and `delivery` are what obs_core.alerts.deliver works from: a transition is a row that is created once, a
delivery is the sending of one transition to one webhook. All times are nanoseconds since 1970 UTC; labels and
annotations are JSON objects with sorted keys.
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
    """One recorded transition of an alert; the alert fired from `starts_ns` to `ends_ns`.

    Transitions `while_flapping` are recorded and not sent; start and end of flapping are transitions of their own.
    Those with `is_history` were found in the past by a new rule and had ended by then: no webhook is notified of them.
    """

    rule: str
    labels: str
    state_from: str
    state_to: str
    timestamp_ns: int
    value: str | None
    annotations: str
    severity: str
    fingerprint: str
    starts_ns: int | None
    ends_ns: int | None
    while_flapping: bool = False
    is_history: bool = False


class AlertRow(NamedTuple):
    """The current state of an alert; `machine` is its state machine as JSON."""

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
    """Up to which row of the log and up to which time a rule was evaluated, and the hash of its condition then."""

    condition: str
    up_to_id: int
    evaluated_ns: int


FIRING: Final = frozenset({"firing", "flapping", "no data"})  # sent as firing; flapping once, not per transition
_TRANSITION: Final = ", ".join(AlertTransition._fields)
_ALERT: Final = ", ".join(AlertRow._fields)


def path_of(log: Path) -> Path:
    """The ledger of the log at `log`."""
    return log.with_name(log.name + SUFFIX)


def open_ledger(log: Path) -> sqlite.Connection:
    """Open the ledger of `log` for writing; create it if it does not exist.

    Raises:
        LogUnreadable: it can't be opened or written.
        SchemaTooNew: a newer version of this product made it.
    """
    return migrations.open_database(path_of(log), "obs_core.alerts")


def text_of(pairs: Mapping[str, str]) -> str:
    """Labels or annotations as the ledger stores them."""
    return json.dumps(dict(sorted(pairs.items())), ensure_ascii=False, separators=(",", ":"))


def fingerprint(labels: Mapping[str, str]) -> str:
    """The fingerprint that Prometheus and Alertmanager give these labels (FNV-1a, 64 bits, 16 hex digits).

    As in prometheus/common, model/signature.go: each sorted name and value is followed by the byte 255.
    """
    digest = _FNV_OFFSET
    for pair in sorted(labels.items()):
        for text in pair:
            for byte in (*text.encode(), 255):
                digest = ((digest ^ byte) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}"


def record(connection: sqlite3.Connection, recorded: Iterable[AlertTransition], alerts: Iterable[AlertRow]) -> None:
    """Add the transitions `recorded` (those that exist already change nothing) and replace the rows of `alerts`."""
    marks = ", ".join("?" * len(AlertTransition._fields))
    connection.executemany(f"INSERT INTO transition ({_TRANSITION}) VALUES ({marks}) ON CONFLICT DO NOTHING", recorded)
    marks = ", ".join("?" * len(AlertRow._fields))
    connection.executemany(f"INSERT OR REPLACE INTO alert ({_ALERT}) VALUES ({marks})", alerts)


def alert_rows(connection: sqlite3.Connection) -> list[AlertRow]:
    """All alerts in their current state, by rule and labels."""
    rows = connection.execute(f"SELECT {_ALERT} FROM alert ORDER BY rule, labels")
    return [AlertRow(*row) for row in rows]


def newest_transition_id(connection: sqlite3.Connection) -> int:
    """The id of the newest transition; 0 if there is none."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM transition").fetchone()[0])


def transitions(
    connection: sqlite3.Connection, *, rule: str | None = None, after: int = 0
) -> list[tuple[int, AlertTransition]]:
    """The transitions with an id above `after`, of one rule if `rule` names it, in the order of their creation."""
    rows = connection.execute(
        f"SELECT id, {_TRANSITION} FROM transition WHERE id > ? AND (?2 IS NULL OR rule = ?2) ORDER BY id",
        (after, rule),
    )
    return [(row[0], AlertTransition(*row[1:])) for row in rows]


def transitions_by_id(connection: sqlite3.Connection, ids: Iterable[int]) -> list[AlertTransition]:
    """The transitions with these ids; ids that do not exist are skipped."""
    rows = connection.execute(
        f"SELECT {_TRANSITION} FROM transition WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
    )
    return [AlertTransition(*row) for row in rows]


def last_transitions(connection: sqlite3.Connection) -> list[tuple[int, AlertTransition]]:
    """The last transition of each alert, leaving out those while it flaps, in the order of their creation."""
    rows = connection.execute(
        f"SELECT id, {_TRANSITION} FROM transition "
        "WHERE id IN (SELECT max(id) FROM transition WHERE NOT while_flapping GROUP BY fingerprint) ORDER BY id"
    )
    return [(row[0], AlertTransition(*row[1:])) for row in rows]


def newest_transitions(connection: sqlite3.Connection, rule: str, limit: int) -> list[AlertTransition]:
    """The newest `limit` transitions of `rule`, newest first."""
    rows = connection.execute(
        f"SELECT {_TRANSITION} FROM transition WHERE rule = ? ORDER BY timestamp_ns DESC, id DESC LIMIT ?",
        (rule, limit),
    )
    return [AlertTransition(*row) for row in rows]


def mark_evaluated(connection: sqlite3.Connection, ranges: Mapping[str, EvaluatedRange]) -> None:
    """Store how far each rule was evaluated."""
    rows = [(rule, *evaluated) for rule, evaluated in ranges.items()]
    connection.executemany("INSERT OR REPLACE INTO evaluated VALUES (?, ?, ?, ?)", rows)


def mark_catching_up(connection: sqlite3.Connection, since_ns: int | None) -> None:
    """Store since when the watcher has been catching up with many rows; None: it has caught up."""
    connection.execute("DELETE FROM catching_up")
    if since_ns is not None:
        connection.execute("INSERT INTO catching_up VALUES (?)", (since_ns,))


def is_catching_up(connection: sqlite3.Connection) -> bool:
    """Whether the recorded states are of the middle of many rows, so that later rows may end what fires."""
    return connection.execute("SELECT 1 FROM catching_up").fetchone() is not None


def evaluated_ranges(connection: sqlite3.Connection) -> dict[str, EvaluatedRange]:
    """How far each rule was evaluated."""
    return {row[0]: EvaluatedRange(*row[1:]) for row in connection.execute("SELECT * FROM evaluated")}


def restart_evaluation(connection: sqlite3.Connection) -> None:
    """Let every rule read the log from its first row again, because the log was replaced or truncated."""
    connection.execute("UPDATE evaluated SET up_to_id = 0")


def forget(connection: sqlite3.Connection, rule: str) -> None:
    """Delete the current alerts and the progress of a rule; its transitions stay."""
    for table in ("alert", "evaluated", "seen_exception"):
        connection.execute(f"DELETE FROM {table} WHERE rule = ?", (rule,))


def snooze(connection: sqlite3.Connection, rule: str, end_ns: int) -> None:
    """Suppress messages about `rule` until `end_ns`; a time in the past ends the snooze."""
    connection.execute("INSERT OR REPLACE INTO snooze VALUES (?, ?)", (rule, end_ns))


def snoozes(connection: sqlite3.Connection) -> dict[str, int]:
    """When the snooze of each rule ends."""
    return dict(connection.execute("SELECT rule, until_ns FROM snooze"))


def mute_issue(connection: sqlite3.Connection, issue: str, time_ns: int) -> None:
    """Mute the issue `issue` of the Overview (`overview.exceptions`)."""
    connection.execute("INSERT OR REPLACE INTO muted_issue VALUES (?, ?)", (issue, time_ns))


def unmute_issue(connection: sqlite3.Connection, issue: str) -> None:
    """List the issue `issue` again."""
    connection.execute("DELETE FROM muted_issue WHERE issue = ?", (issue,))


def muted_issues(connection: sqlite3.Connection) -> list[str]:
    """The issues that are muted."""
    return [issue for (issue,) in connection.execute("SELECT issue FROM muted_issue")]


def mark_seen(connection: sqlite3.Connection, exceptions: Iterable[tuple[str, str]]) -> None:
    """Store (rule, exception type) pairs that were seen."""
    connection.executemany("INSERT OR IGNORE INTO seen_exception VALUES (?, ?)", exceptions)


def seen_exceptions(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """The exception types that each rule has seen."""
    seen: dict[str, set[str]] = {}
    for rule, exception in connection.execute("SELECT rule, exception FROM seen_exception"):
        seen.setdefault(rule, set()).add(exception)
    return seen
