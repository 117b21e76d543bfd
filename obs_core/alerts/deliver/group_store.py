"""Groups of alerts in the ledger: the state of `grouping.Group` between two flushes."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from obs_core.alerts import ledger
from obs_core.alerts.deliver import transitions
from obs_core.alerts.deliver.faults import WebhookFaults
from obs_core.alerts.deliver.grouping import Group, GroupedAlert, is_forgettable
from obs_core.alerts.deliver.webhook import Webhook, group_labels, matches
from obs_core.alerts.ledger import AlertTransition

_DUE_PER_WEBHOOK: Final = 200
_COLUMNS: Final = "webhook, labels, group_key, state, attempts, first_attempt_ns"
_SELECT: Final = f"SELECT {_COLUMNS} FROM delivery_group"
_RANKED: Final = (
    f"SELECT {_COLUMNS}, next_ns, row_number() OVER (PARTITION BY webhook ORDER BY next_ns) AS rank "
    "FROM delivery_group WHERE next_ns <= ?"
)


def of_webhook(connection: sqlite3.Connection, name: str) -> dict[str, Group]:
    """The groups of a webhook, by their labels."""
    rows = connection.execute(f"{_SELECT} WHERE webhook = ?", (name,))
    return {row[1]: _group(row) for row in rows}


def due(connection: sqlite3.Connection, now: int, faults: WebhookFaults) -> list[Group]:
    """The groups to flush at `now`, those that wait longest first; at most 200 per webhook.

    One round flushes some of them; the limit bounds the memory for a webhook with very many groups. A group that can't
    be read is the fault of its webhook.
    """
    rows = connection.execute(f"SELECT * FROM ({_RANKED}) WHERE rank <= {_DUE_PER_WEBHOOK} ORDER BY next_ns", (now,))
    groups = []
    for row in rows.fetchall():
        with faults.isolated(row[0]):
            groups.append(_group(row))
    return groups


def store(connection: sqlite3.Connection, group: Group) -> None:
    """Store a group; delete it if it has no state."""
    if is_forgettable(group):
        forget(connection, group)
        return
    connection.execute(
        "INSERT OR REPLACE INTO delivery_group (webhook, labels, group_key, state, next_ns, attempts, first_attempt_ns)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(group.webhook, group.labels, group.key, _state_text(group)),
            *(group.next_ns, group.attempts, group.first_attempt_ns),
        ),
    )


def forget(connection: sqlite3.Connection, group: Group) -> None:
    """Delete a group."""
    connection.execute("DELETE FROM delivery_group WHERE webhook = ? AND labels = ?", (group.webhook, group.labels))


def group_of(webhook: Webhook, transition: AlertTransition, group_by_fingerprint: dict[str, str]) -> str | None:
    """The labels of the group in which `webhook` gets this alert; None: it does not get it.

    `group_by_fingerprint` caches them: an alert stays in the group of its first message.
    """
    labels = transitions.labels_of(transition)
    if transition.fingerprint not in group_by_fingerprint and matches(webhook, labels):
        group_by_fingerprint[transition.fingerprint] = ledger.text_of(group_labels(webhook, labels))
    return group_by_fingerprint.get(transition.fingerprint)


def _state_text(group: Group) -> str:
    return json.dumps(
        {
            "alerts": {name: [*alert] for name, alert in group.alerts.items()},
            "next_ns": group.next_ns,
            "flushed": group.flushed,
            "sent_ns": group.sent_ns,
            "sent_firing": sorted(group.sent_firing),
            "sent_resolved": sorted(group.sent_resolved),
            "unconfirmed_firing": sorted(group.unconfirmed_firing),
        }
    )


def _group(row: tuple[Any, ...]) -> Group:
    webhook, labels, key, text, attempts, first_attempt_ns = row[:6]
    state = json.loads(text)
    sets: Iterable[str] = ("sent_firing", "sent_resolved", "unconfirmed_firing")
    return Group(
        webhook,
        labels,
        key,
        alerts={name: GroupedAlert(*alert) for name, alert in state["alerts"].items()},
        next_ns=state["next_ns"],
        flushed=state["flushed"],
        sent_ns=state["sent_ns"],
        **{name: frozenset(state[name]) for name in sets},
        attempts=attempts,
        first_attempt_ns=first_attempt_ns,
    )
