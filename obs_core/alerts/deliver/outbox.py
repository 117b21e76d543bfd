"""From transitions to deliveries: each transition is queued once per matching webhook, and each message is recorded.

Every step is one transaction, so a kill at any time leaves it done or not started. A message is posted between two of
them: after a kill in between, its response is not recorded and it is posted again, with the same key.
"""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from obs_core.alerts import ledger
from obs_core.alerts.deliver import group_store, grouping, payload, retry, transitions, webhook_store
from obs_core.alerts.deliver.faults import WebhookFaults
from obs_core.alerts.deliver.grouping import Group, GroupedAlert, Notification
from obs_core.alerts.deliver.http_client import Message
from obs_core.alerts.deliver.retry import Outcome, Response
from obs_core.alerts.deliver.webhook import Webhook, from_json, matchers
from obs_core.alerts.ledger import AlertTransition
from obs_core.store import sqlite

ROUND_LIMIT: Final = 16  # messages in one round; each is recorded when its response comes
WEBHOOK_LIMIT: Final = 4  # of them for one webhook, so that one that hangs does not block the others
_QUEUED: Final = "webhook = ? AND group_key = ? AND status = 'queued'"


class _Attempt(NamedTuple):
    """The columns of `delivery` that an attempt changes."""

    outcome: Outcome
    attempts: int
    next_attempt_ns: int | None
    now: int
    status: int | None
    error: str


def queue(connection: sqlite3.Connection, now: int, faults: WebhookFaults | None = None) -> int:
    """Queue the transitions since the last call; return the number of new deliveries.

    Nothing is queued while the watcher catches up with many rows: only what still fires then is sent. The transitions
    of a webhook with an error stay for later.
    """
    faults = WebhookFaults() if faults is None else faults
    newest = ledger.newest_transition_id(connection)
    behind = "SELECT name, config, last_transition_id FROM webhook WHERE coalesce(last_transition_id, -1) < ?"
    if ledger.is_catching_up(connection) or not connection.execute(behind, (newest,)).fetchone():
        return 0
    queued = 0
    for name, config, last_id in connection.execute(behind, (newest,)).fetchall():
        with faults.isolated(name), sqlite.transaction(connection):
            webhook = from_json(config)
            recorded = _firing_now(connection) if last_id is None else ledger.transitions(connection, after=last_id)
            new = [row for row in recorded if row[0] <= newest and transitions.is_notified(row[1])]
            queued += _queue_for(connection, webhook, new, now)
            connection.execute("UPDATE webhook SET last_transition_id = ? WHERE name = ?", (newest, name))
    return queued


def due_messages(
    connection: sqlite3.Connection, now: int, external_url: str, faults: WebhookFaults | None = None
) -> list[tuple[Notification, Message]]:
    """Flush the groups that are due; return the messages to post, and store the groups without one."""
    faults = WebhookFaults() if faults is None else faults
    snoozed = {rule for rule, end_ns in ledger.snoozes(connection).items() if end_ns > now}
    webhooks = {webhook.name: webhook for webhook in webhook_store.listed(connection, faults)}
    messages: list[tuple[Notification, Message]] = []
    without_message: list[tuple[Group, Notification]] = []
    count = Counter[str]()
    for stored in group_store.due(connection, now, faults):
        webhook = webhooks.get(stored.webhook)
        if webhook is None:
            if not webhook_store.is_known(connection, stored.webhook):  # removed while its message was being posted
                group_store.forget(connection, stored)
            continue
        if len(messages) == ROUND_LIMIT or count[webhook.name] == WEBHOOK_LIMIT:
            continue
        with faults.isolated(webhook.name):
            ids = [alert.transition_id for alert in stored.alerts.values()]
            last = {transition.fingerprint: transition for transition in ledger.transitions_by_id(connection, ids)}
            group = grouping.with_mutes(stored, {name: transition.rule in snoozed for name, transition in last.items()})
            notification = grouping.due_notification(group, webhook, now)
            if notification and (notification.firing or notification.resolved):
                messages.append((notification, _message(notification, webhook, last, external_url)))
                count[webhook.name] += 1
            elif notification:
                without_message.append((group, notification))
    if without_message:
        with sqlite.transaction(connection):
            for group, notification in without_message:
                _suppress_queued(connection, group, ())
                group_store.store(connection, notification.group)
    return messages


def record(connection: sqlite3.Connection, notification: Notification, response: Response, now: int) -> None:
    """Record the response to the message of `notification`, in one transaction."""
    group = notification.group
    outcome, error = retry.outcome(response), retry.error_text(response)
    first_ns = now if group.first_attempt_ns is None else group.first_attempt_ns
    if outcome == "retry" and now - first_ns >= retry.GIVE_UP_NS:
        outcome, error = "failed", f"{error} Given up after a day."
    if outcome == "retry" and not webhook_store.is_known(connection, group.webhook):
        outcome, error = "failed", f"{error} The webhook was removed."
    attempts, ids = group.attempts + 1, notification.transition_ids
    next_ns = retry.next_attempt_ns(response, attempts, now) if outcome == "retry" else None
    with sqlite.transaction(connection):
        _update_deliveries(
            connection, group.webhook, ids, _Attempt(outcome, attempts, next_ns, now, response.status, error)
        )
        if next_ns is None:
            _suppress_queued(connection, group, ids)
            group_store.store(connection, grouping.after_sending(group, notification, now))
        else:
            group_store.store(connection, grouping.after_failure(group, notification, now, next_ns))


def _queue_for(
    connection: sqlite3.Connection, webhook: Webhook, new: list[tuple[int, AlertTransition]], now: int
) -> int:
    """Queue the transitions `new` for one webhook; an alert stays in the group of its first message."""
    groups = group_store.of_webhook(connection, webhook.name)
    group_by_fingerprint = {name: labels for labels, group in groups.items() for name in group.alerts}
    alerts: dict[str, list[tuple[str, GroupedAlert]]] = {}
    rows = []
    for transition_id, transition in new:
        if (labels := group_store.group_of(webhook, transition, group_by_fingerprint)) is None:
            continue
        if labels not in groups:
            key = payload.group_key(matchers(webhook), json.loads(labels))
            groups[labels] = Group(webhook.name, labels, key)
        ids = (transition_id, webhook.name, groups[labels].key)
        if transition.while_flapping:  # the group keeps the state flapping, which is sent as firing
            rows.append((*ids, "suppressed", "Flapping."))
            continue
        alert = transitions.grouped_alert(transition_id, transition)
        alerts.setdefault(labels, []).append((transition.fingerprint, alert))
        rows.append((*ids, "queued", ""))
    connection.executemany(
        "INSERT INTO delivery (transition_id, webhook, group_key, status, error) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        rows,
    )
    for labels, changed in alerts.items():
        group = grouping.after_transitions(groups[labels], changed, webhook, now)
        group_store.store(connection, group)
        connection.execute(
            f"UPDATE delivery SET next_attempt_ns = ? WHERE {_QUEUED}", (group.next_ns, webhook.name, group.key)
        )
    return len(rows)


def _firing_now(connection: sqlite3.Connection) -> list[tuple[int, AlertTransition]]:
    """The last transition of each alert that fires: the first messages of a new webhook."""
    last = ledger.last_transitions(connection)
    return [(number, transition) for number, transition in last if transition.state_to in transitions.FIRING]


def _message(
    notification: Notification, webhook: Webhook, last: Mapping[str, AlertTransition], external_url: str
) -> Message:
    group = notification.group
    names = (*notification.firing, *notification.resolved)
    alerts = [transitions.message_alert(last[name], external_url) for name in names]
    envelope = payload.Envelope(webhook.name, group.key, json.loads(group.labels), external_url)
    ids = [alert.transition_id for alert in group.alerts.values()]
    content = json.dumps([group.webhook, group.labels, group.sent_ns, ids])
    key = hashlib.sha256(content.encode()).hexdigest()[:32]
    return Message(webhook, payload.message_body(envelope, alerts, webhook.max_alerts), key)


def _update_deliveries(connection: sqlite3.Connection, webhook: str, ids: list[int], attempt: _Attempt) -> None:
    """Record an attempt in the deliveries of the transitions `ids`; those that were sent before stay unchanged."""
    is_sent = attempt.outcome == "sent"
    rows = connection.execute(
        "UPDATE delivery SET status = ?, attempts = ?, next_attempt_ns = ?, sent_ns = ?, response_status = ?, "
        "error = ? WHERE webhook = ? AND status <> 'sent' AND transition_id IN (SELECT value FROM json_each(?))",
        (
            *("queued" if attempt.outcome == "retry" else attempt.outcome, attempt.attempts, attempt.next_attempt_ns),
            *(attempt.now if is_sent else None, attempt.status, attempt.error, webhook, json.dumps(ids)),
        ),
    )
    if not rows.rowcount and attempt.outcome != "retry":
        repeated = f"Repeated at {payload.time_text(attempt.now)}" + (f": {attempt.error}" if attempt.error else ".")
        connection.execute(
            "UPDATE delivery SET error = ? WHERE webhook = ? AND transition_id IN (SELECT value FROM json_each(?))",
            (repeated, webhook, json.dumps(ids)),
        )


def _suppress_queued(connection: sqlite3.Connection, group: Group, sent: Iterable[int]) -> None:
    """Suppress the deliveries that are still queued for a flushed group, each with its reason."""
    last = {alert.transition_id: alert for alert in group.alerts.values()}
    rows = connection.execute(f"SELECT id, transition_id FROM delivery WHERE {_QUEUED}", (group.webhook, group.key))
    sent_ids = set(sent)
    reasons = [
        (_reason(last.get(transition_id)), delivery_id)
        for delivery_id, transition_id in rows
        if transition_id not in sent_ids
    ]
    connection.executemany(
        "UPDATE delivery SET status = 'suppressed', next_attempt_ns = NULL, error = ? WHERE id = ?", reasons
    )


def _reason(alert: GroupedAlert | None) -> str:
    if alert is None:
        return "Replaced by a later state change before it was sent."
    if alert.muted:
        return "Snoozed."
    if not alert.firing:
        return "Resolved before it was sent, or the webhook takes no resolved messages."
    return "The webhook already has this state."
