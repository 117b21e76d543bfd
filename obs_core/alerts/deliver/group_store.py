"""Groups of alerts in the ledger: what each webhook was told, kept as `schedule.Group` between two looks."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

from obs_core.alerts import ledger
from obs_core.alerts.deliver import transitions, webhook
from obs_core.alerts.deliver.grouping import Group, Member, is_forgettable
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.alerts.ledger import AlertTransition

_OF_EACH: Final = 200
_COLUMNS: Final = "receiver, labels, group_key, state, attempts, first_try_ns"
_SELECT: Final = f"SELECT {_COLUMNS} FROM delivery_group"
_RANKED: Final = (
    f"SELECT {_COLUMNS}, next_ns, row_number() OVER (PARTITION BY receiver ORDER BY next_ns) AS place "
    "FROM delivery_group WHERE next_ns <= ?"
)


class StoredGroup(NamedTuple):
    """One group of one webhook, and how its present message fares."""

    receiver: str
    labels: str
    group_key: str
    group: Group
    attempts: int = 0
    first_try_ns: int | None = None


def of_receiver(connection: sqlite3.Connection, name: str) -> dict[str, StoredGroup]:
    """The groups of a webhook, by their labels."""
    found = connection.execute(f"{_SELECT} WHERE receiver = ?", (name,))
    return {row[1]: _kept(row) for row in found}


def due(connection: sqlite3.Connection, now: int) -> list[StoredGroup]:
    """The groups whose time has come, those that wait longest first; at most 200 of each webhook.

    A round takes some of them; the bound keeps one webhook with very many groups from filling the memory.
    """
    found = connection.execute(f"SELECT * FROM ({_RANKED}) WHERE place <= {_OF_EACH} ORDER BY next_ns", (now,))
    return [_kept(row) for row in found]


def keep(connection: sqlite3.Connection, kept: StoredGroup) -> None:
    """Store a group; one that holds nothing is forgotten."""
    if is_forgettable(kept.group):
        forget(connection, kept)
        return
    connection.execute(
        "INSERT OR REPLACE INTO delivery_group (receiver, labels, group_key, state, next_ns, attempts, first_try_ns) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*kept[:3], _text(kept.group), kept.group.next_ns, kept.attempts, kept.first_try_ns),
    )


def forget(connection: sqlite3.Connection, kept: StoredGroup) -> None:
    """Drop a group."""
    connection.execute("DELETE FROM delivery_group WHERE receiver = ? AND labels = ?", (kept.receiver, kept.labels))


def group_of(hook: Webhook, flip: AlertTransition, homes: dict[str, str]) -> str | None:
    """The labels of the group in which `hook` is told of this alert; None: it is not told of it.

    `homes` remembers them by fingerprint: an alert stays in the group in which it was told first.
    """
    labels = transitions.labels_of(flip)
    if flip.fingerprint not in homes and webhook.matches(hook, labels):
        homes[flip.fingerprint] = ledger.text_of(webhook.group_labels(hook, labels))
    return homes.get(flip.fingerprint)


def _kept(row: tuple[str, str, str, str, int, int | None, *tuple[object, ...]]) -> StoredGroup:
    return StoredGroup(row[0], row[1], row[2], _group(row[3]), row[4], row[5])


def _text(group: Group) -> str:
    return json.dumps(
        {
            "members": {name: [*member] for name, member in group.members.items()},
            "next_ns": group.next_ns,
            "flushed": group.flushed,
            "told_ns": group.told_ns,
            "told_firing": sorted(group.told_firing),
            "told_resolved": sorted(group.told_resolved),
            "tried_firing": sorted(group.tried_firing),
        }
    )


def _group(text: str) -> Group:
    facts = json.loads(text)
    sets: Iterable[str] = ("told_firing", "told_resolved", "tried_firing")
    return Group(
        members={name: Member(*member) for name, member in facts["members"].items()},
        next_ns=facts["next_ns"],
        flushed=facts["flushed"],
        told_ns=facts["told_ns"],
        **{name: frozenset(facts[name]) for name in sets},
    )
