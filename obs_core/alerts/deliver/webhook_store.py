"""The webhooks of a log, in its ledger; with the first one, only the owner of the file can read the ledger."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from obs_core.alerts.deliver import url_policy
from obs_core.alerts.deliver.faults import WebhookFaults
from obs_core.alerts.deliver.webhook import Webhook, checked, from_json, to_json
from obs_core.errors import BadParameter
from obs_core.store import sqlite

_OWNER_ONLY: Final = 0o600


class Delivery(NamedTuple):
    """The delivery of one transition to one webhook: queued, sent, failed or suppressed, and why."""

    id: int
    webhook: str
    status: str
    error: str
    attempts: int
    response_status: int | None
    next_attempt_ns: int | None
    sent_ns: int | None
    rule: str
    labels: str
    state_from: str
    state_to: str
    timestamp_ns: int
    group_key: str


def add(connection: sqlite3.Connection, webhook: Webhook, now: int, allow: Sequence[str] = ()) -> None:
    """Add a webhook; it gets the alerts that fire now, and all later transitions.

    Raises:
        BadParameter: it is not valid, not allowed, or its name is taken.
    """
    _check(webhook, allow)
    _restrict_to_owner(connection)
    with sqlite.transaction(connection):
        if _row(connection, webhook.name):
            message = f"A webhook “{webhook.name}” exists already."
            raise BadParameter(message, "Choose a different name, or remove that one first.")
        connection.execute(
            "INSERT INTO webhook (name, config, created_ns) VALUES (?, ?, ?)",
            (webhook.name, to_json(webhook), now),
        )


def change(connection: sqlite3.Connection, webhook: Webhook, allow: Sequence[str] = ()) -> None:
    """Replace the webhook of the same name; an empty secret or header text keeps the previous one.

    So a form that shows no secrets can be saved without typing them again. The state of its groups is kept. If the
    host changes, secrets are not carried over: they would be sent to a different party.

    Raises:
        BadParameter: there is none, it is not valid, not allowed, or secrets are missing.
    """
    old = named(connection, webhook.name)
    headers = {name: text or old.headers.get(name, "") for name, text in webhook.headers.items()}
    merged = replace(webhook, headers=headers, secret=webhook.secret or old.secret)
    _check(merged, allow)
    moved = url_policy.parse_url(old.url)[:3] != url_policy.parse_url(merged.url)[:3]
    if moved and (merged.headers != webhook.headers or merged.secret != webhook.secret):
        message = "The secret and the headers are not sent to a different host than the one they were given for."
        raise BadParameter(message, "Enter them again with the new address.")
    connection.execute("UPDATE webhook SET config = ? WHERE name = ?", (to_json(merged), merged.name))


def remove(connection: sqlite3.Connection, name: str) -> None:
    """Remove a webhook and its secrets; its queued deliveries are suppressed.

    Raises:
        BadParameter: no webhook has this name.
    """
    with sqlite.transaction(connection):
        if not connection.execute("DELETE FROM webhook WHERE name = ?", (name,)).rowcount:
            raise _no_webhook(name)
        connection.execute("DELETE FROM delivery_group WHERE webhook = ?", (name,))
        connection.execute(
            "UPDATE delivery SET status = 'suppressed', next_attempt_ns = NULL, error = 'The webhook was removed.' "
            "WHERE webhook = ? AND status = 'queued'",
            (name,),
        )


def listed(connection: sqlite3.Connection, faults: WebhookFaults | None = None) -> list[Webhook]:
    """All webhooks that can be read, by name; `faults` gets the others."""
    faults = WebhookFaults() if faults is None else faults
    webhooks = []
    for name, config in connection.execute("SELECT name, config FROM webhook ORDER BY name").fetchall():
        with faults.isolated(name):
            webhooks.append(from_json(config))
    return webhooks


def named(connection: sqlite3.Connection, name: str) -> Webhook:
    """The webhook of this name.

    Raises:
        BadParameter: no webhook has this name.
    """
    row = _row(connection, name)
    if not row:
        raise _no_webhook(name)
    return from_json(row[0])


def is_known(connection: sqlite3.Connection, name: str) -> bool:
    """Whether there is a webhook of this name."""
    return _row(connection, name) is not None


def deliveries(connection: sqlite3.Connection, *, status: str | None = None, limit: int = 100) -> list[Delivery]:
    """The delivery log, newest first; only deliveries with `status` if it is given."""
    rows = connection.execute(
        f"SELECT delivery.id, {', '.join(Delivery._fields[1:])} "
        "FROM delivery JOIN transition ON transition.id = transition_id "
        "WHERE ?1 IS NULL OR status = ?1 ORDER BY delivery.id DESC LIMIT ?2",
        (status, max(0, limit)),
    )
    return [Delivery(*row) for row in rows]


def _check(webhook: Webhook, allow: Sequence[str]) -> None:
    """Refuse what can be refused without resolving the host; sending resolves and checks it each time."""
    url = url_policy.parse_url(checked(webhook).url)
    address = url_policy.literal(url.host)
    named_only = [entry for entry in allow if not _is_network(entry)]
    if (address or len(named_only) == len(allow)) and (
        why := url_policy.refusal(url.host, url.port, [address] if address else [], allow)
    ):
        raise BadParameter(why, "Ask the administrator of this installation to allow it.")


def _is_network(entry: str) -> bool:
    return url_policy.literal(entry.rpartition("/")[0].strip("[]")) is not None or url_policy.literal(entry) is not None


def _row(connection: sqlite3.Connection, name: str) -> tuple[str] | None:
    row: tuple[str] | None = connection.execute("SELECT config FROM webhook WHERE name = ?", (name,)).fetchone()
    return row


def _no_webhook(name: str) -> BadParameter:
    return BadParameter(f"There is no such webhook: “{name[:60]}”.", "See: python -m obs_core webhooks list")


def _restrict_to_owner(connection: sqlite3.Connection) -> None:
    """Make the files owner-only; SQLite gives new side files the mode of the database, existing ones change here."""
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(path + suffix).chmod(_OWNER_ONLY)
