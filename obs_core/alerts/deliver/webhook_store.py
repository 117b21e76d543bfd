"""The webhooks of a log, in its ledger; with the first one, the ledger becomes readable by its owner alone."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from obs_core.alerts.deliver import url_policy
from obs_core.alerts.deliver import webhook as receivers
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.errors import BadParameter
from obs_core.store import sqlite

_OWNER_ONLY: Final = 0o600


class Delivery(NamedTuple):
    """What became of telling one webhook one flip: queued, sent, failed or suppressed, and why."""

    id: int
    receiver: str
    status: str
    error: str
    attempts: int
    response_status: int | None
    next_try_ns: int | None
    sent_ns: int | None
    rule: str
    labels: str
    state_from: str
    state_to: str
    moment_ns: int
    group_key: str


def add(connection: sqlite3.Connection, receiver: Webhook, now: int, allow: Sequence[str] = ()) -> None:
    """Add a webhook; it is told of what fires now, and of what happens from now on.

    Raises:
        BadParameter: it can't work, is not allowed, or its name is taken.
    """
    _check(receiver, allow)
    _close_to_others(connection)
    with sqlite.transaction(connection):
        if _known(connection, receiver.name):
            message = f"There is a webhook “{receiver.name}” already."
            raise BadParameter(message, "Choose another name, or remove that one first.")
        connection.execute(
            "INSERT INTO webhook (name, config, made_ns) VALUES (?, ?, ?)",
            (receiver.name, receivers.to_json(receiver), now),
        )


def change(connection: sqlite3.Connection, receiver: Webhook, allow: Sequence[str] = ()) -> None:
    """Put `receiver` in the place of the webhook of its name; an empty secret or header text keeps what there was.

    A form that shows no secrets can so be saved without typing them again. What the webhook was told stays known.
    With another host, the secrets don't follow: they would be told to someone else.

    Raises:
        BadParameter: there is none, it can't work, is not allowed, or secrets are missing.
    """
    old = named(connection, receiver.name)
    kept = {name: text or old.headers.get(name, "") for name, text in receiver.headers.items()}
    merged = replace(receiver, headers=kept, secret=receiver.secret or old.secret)
    _check(merged, allow)
    moved = url_policy.target(old.url)[:3] != url_policy.target(merged.url)[:3]
    if moved and (merged.headers != receiver.headers or merged.secret != receiver.secret):
        message = "The secret and the headers are not sent to another host than the one they were given for."
        raise BadParameter(message, "Give them again with the new address.")
    connection.execute("UPDATE webhook SET config = ? WHERE name = ?", (receivers.to_json(merged), merged.name))


def remove(connection: sqlite3.Connection, name: str) -> None:
    """Remove a webhook and its secrets; what it was to be told is suppressed.

    Raises:
        BadParameter: there is none of this name.
    """
    with sqlite.transaction(connection):
        if not connection.execute("DELETE FROM webhook WHERE name = ?", (name,)).rowcount:
            raise _no_webhook(name)
        connection.execute("DELETE FROM delivery_group WHERE receiver = ?", (name,))
        connection.execute(
            "UPDATE delivery SET status = 'suppressed', next_try_ns = NULL, error = 'The webhook was removed.' "
            "WHERE receiver = ? AND status = 'queued'",
            (name,),
        )


def listed(connection: sqlite3.Connection) -> list[Webhook]:
    """All webhooks, by name."""
    found = connection.execute("SELECT config FROM webhook ORDER BY name")
    return [receivers.from_json(row[0]) for row in found]


def named(connection: sqlite3.Connection, name: str) -> Webhook:
    """The webhook of this name.

    Raises:
        BadParameter: there is none.
    """
    found = _known(connection, name)
    if not found:
        raise _no_webhook(name)
    return receivers.from_json(found[0])


def is_known(connection: sqlite3.Connection, name: str) -> bool:
    """Whether there is a webhook of this name."""
    return _known(connection, name) is not None


def deliveries(
    connection: sqlite3.Connection,
    *,
    receiver: str | None = None,
    rule: str | None = None,
    status: str | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """The delivery log, newest first."""
    found = connection.execute(
        f"SELECT delivery.id, {', '.join(Delivery._fields[1:])} FROM delivery JOIN flip ON flip.id = flip_id "
        "WHERE (?1 IS NULL OR receiver = ?1) AND (?2 IS NULL OR rule = ?2) AND (?3 IS NULL OR status = ?3) "
        "ORDER BY delivery.id DESC LIMIT ?4",
        (receiver, rule, status, max(0, limit)),
    )
    return [Delivery(*row) for row in found]


def _check(receiver: Webhook, allow: Sequence[str]) -> None:
    """Refuse what can be refused without asking for the name's addresses; sending asks for them each time."""
    target = url_policy.target(receivers.checked(receiver).url)
    address = url_policy.literal(target.host)
    named_only = [each for each in allow if not _is_network(each)]
    if (address or len(named_only) == len(allow)) and (
        why := url_policy.refusal(target.host, target.port, [address] if address else [], allow)
    ):
        raise BadParameter(why, "Ask whoever runs this installation to allow it.")


def _is_network(entry: str) -> bool:
    return url_policy.literal(entry.rpartition("/")[0].strip("[]")) is not None or url_policy.literal(entry) is not None


def _known(connection: sqlite3.Connection, name: str) -> tuple[str] | None:
    found: tuple[str] | None = connection.execute("SELECT config FROM webhook WHERE name = ?", (name,)).fetchone()
    return found


def _no_webhook(name: str) -> BadParameter:
    return BadParameter(f"There is no webhook “{name[:60]}”.", "See: python -m obs_core webhooks list")


def _close_to_others(connection: sqlite3.Connection) -> None:
    """SQLite gives its side files the mode of the database; those that exist already are closed too."""
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(path + suffix).chmod(_OWNER_ONLY)
