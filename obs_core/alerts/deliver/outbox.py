"""From flips to deliveries: each flip is queued once for each webhook that wants it, and each message recorded.

Every step is one transaction, so a kill at any moment leaves it done or not begun. A message is posted between two of
them: killed there, its answer is not recorded and it is posted again, with the same key.
"""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from obs_core.alerts import ledger
from obs_core.alerts.deliver import group_store, grouping, payload, retry, transitions, webhook, webhook_store
from obs_core.alerts.deliver.group_store import StoredGroup
from obs_core.alerts.deliver.http_client import Message
from obs_core.alerts.deliver.retry import Answer
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.alerts.ledger import AlertTransition
from obs_core.store import sqlite

AT_ONCE: Final = 16  # messages in one round; each is recorded when its answer comes
OF_ONE: Final = 4  # of them for one webhook, so that one that hangs leaves places for the others
_FLIP: Final = ", ".join(AlertTransition._fields)
_QUEUED: Final = "receiver = ? AND group_key = ? AND status = 'queued'"


class Ready(NamedTuple):
    """A message that is to be posted for a group."""

    kept: StoredGroup
    due: grouping.Due
    message: Message


def queue(connection: sqlite3.Connection, now: int) -> int:
    """Queue the flips that came since the last time; how many deliveries that made."""
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM flip").fetchone()[0]
    behind = "SELECT config, seen FROM webhook WHERE seen IS NULL OR seen < ?"
    if not connection.execute(behind, (newest,)).fetchone():
        return 0
    made = 0
    with sqlite.transaction(connection):
        for config, seen in connection.execute(behind, (newest,)).fetchall():
            hook = webhook.from_json(config)
            known = _firing_now(connection) if seen is None else ledger.transitions(connection, after=seen)
            wanted = [(flip_id, flip) for flip_id, flip in known if flip_id <= newest and transitions.is_told(flip)]
            made += _queue_for(connection, hook, wanted, now)
            connection.execute("UPDATE webhook SET seen = ? WHERE name = ?", (newest, hook.name))
    return made


def ready(connection: sqlite3.Connection, now: int, external_url: str) -> list[Ready]:
    """The messages that are due; groups that have nothing to tell are put aside until their next time."""
    snoozed = {rule for rule, until in ledger.snoozes(connection).items() if until > now}
    hooks = {hook.name: hook for hook in webhook_store.listed(connection)}
    found: list[Ready] = []
    quiet: list[tuple[StoredGroup, grouping.Group, grouping.Due]] = []
    places = Counter[str]()
    for kept in group_store.due(connection, now):
        if kept.receiver not in hooks:  # removed while its message was on the way
            group_store.forget(connection, kept)
            continue
        if len(found) == AT_ONCE or places[kept.receiver] == OF_ONE:
            continue
        said = _flips_of(connection, kept)
        group = grouping.with_mutes(kept.group, {name: flip.rule in snoozed for name, flip in said.items()})
        due = grouping.due_message(group, hooks[kept.receiver], now)
        if due and (due.firing or due.resolved):
            places[kept.receiver] += 1
            found.append(_ready(kept, due, hooks[kept.receiver], said, external_url))
        elif due:
            quiet.append((kept, group, due))
    if quiet:
        with sqlite.transaction(connection):
            for kept, group, due in quiet:
                _put_aside(connection, kept, group, ())
                group_store.keep(connection, kept._replace(group=due.group, attempts=0, first_try_ns=None))
    return found


def record(connection: sqlite3.Connection, sent: Ready, answer: Answer, now: int) -> None:
    """Keep what came of a message, in one transaction."""
    verdict = retry.verdict(answer)
    attempts, first = sent.kept.attempts + 1, sent.kept.first_try_ns or now
    why = retry.sentence(answer)
    if verdict == "again" and now - first >= retry.GIVE_UP_NS:
        verdict, why = "failed", f"{why} Given up after a day."
    if verdict == "again" and not webhook_store.is_known(connection, sent.kept.receiver):
        verdict, why = "failed", f"{why} The webhook was removed."
    told = [sent.due.group.members[name].flip_id for name in (*sent.due.firing, *sent.due.resolved)]
    again = retry.next_attempt_ns(answer, attempts, now) if verdict == "again" else None
    with sqlite.transaction(connection):
        _mark(connection, sent, told, (verdict, attempts, again, now, answer.status, why))
        if again is None:
            _put_aside(connection, sent.kept, sent.due.group, told)
            group = grouping.after_sending(sent.due.group, sent.due, now)
            kept = sent.kept._replace(group=group, attempts=0, first_try_ns=None)
        else:
            group = grouping.after_failure(sent.due.group, sent.due, again)
            kept = sent.kept._replace(group=group, attempts=attempts, first_try_ns=first)
        group_store.keep(connection, kept)


def _queue_for(
    connection: sqlite3.Connection, hook: Webhook, wanted: list[tuple[int, AlertTransition]], now: int
) -> int:
    """Queue `wanted` flips for one webhook; an alert stays in the group that it was told in."""
    known = group_store.of_receiver(connection, hook.name)
    homes = {name: labels for labels, kept in known.items() for name in kept.group.members}
    arriving: dict[str, list[tuple[str, grouping.Member]]] = {}
    rows = []
    for flip_id, flip in wanted:
        if (key := group_store.group_of(hook, flip, homes)) is None:
            continue
        if key not in known:
            name = payload.group_key(webhook.matchers(hook), json.loads(key))
            known[key] = StoredGroup(hook.name, key, name, grouping.Group())
        facts = (flip_id, hook.name, known[key].group_key)
        if flip.while_flapping:  # what its group knows stays: that it flaps, which is told as firing
            rows.append((*facts, "suppressed", "Flapping."))
            continue
        arriving.setdefault(key, []).append((flip.fingerprint, transitions.member_of(flip_id, flip)))
        rows.append((*facts, "queued", ""))
    connection.executemany(
        "INSERT INTO delivery (flip_id, receiver, group_key, status, error) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        rows,
    )
    for key, members in arriving.items():
        group = grouping.after_transitions(known[key].group, members, hook, now)
        group_store.keep(connection, known[key]._replace(group=group))
        connection.execute(
            f"UPDATE delivery SET next_try_ns = ? WHERE {_QUEUED}", (group.next_ns, hook.name, known[key].group_key)
        )
    return len(rows)


def _firing_now(connection: sqlite3.Connection) -> list[tuple[int, AlertTransition]]:
    """The last flip of each alert that fires: what a new webhook is told first."""
    rows = connection.execute(
        f"SELECT id, {_FLIP} FROM flip "
        "WHERE id IN (SELECT max(id) FROM flip WHERE NOT while_flapping GROUP BY fingerprint) ORDER BY id"
    )
    return [(row[0], flip) for row in rows if (flip := AlertTransition(*row[1:])).state_to in transitions.FIRING]


def _flips_of(connection: sqlite3.Connection, kept: StoredGroup) -> dict[str, AlertTransition]:
    """The last flips of a group's alerts, by fingerprint."""
    ids = json.dumps([member.flip_id for member in kept.group.members.values()])
    rows = connection.execute(f"SELECT {_FLIP} FROM flip WHERE id IN (SELECT value FROM json_each(?))", (ids,))
    return {flip.fingerprint: flip for flip in (AlertTransition(*row) for row in rows)}


def _ready(
    kept: StoredGroup, due: grouping.Due, hook: Webhook, known: Mapping[str, AlertTransition], external_url: str
) -> Ready:
    alerts = [transitions.alert_of(known[name], external_url) for name in (*due.firing, *due.resolved)]
    envelope = payload.Envelope(hook.name, kept.group_key, json.loads(kept.labels), external_url)
    members = due.group.members
    said = [kept.receiver, kept.labels, due.group.told_ns, [members[name].flip_id for name in members]]
    key = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]
    return Ready(kept, due, Message(hook, payload.message(envelope, alerts, hook.max_alerts), key))


def _mark(
    connection: sqlite3.Connection,
    sent: Ready,
    told: Iterable[int],
    facts: tuple[str, int, int | None, int, int | None, str],
) -> None:
    """Write what became of the deliveries of the flips `told`; those that were sent before stay as they are."""
    verdict, attempts, again, now, status, why = facts
    rows = connection.execute(
        "UPDATE delivery SET status = ?, attempts = ?, next_try_ns = ?, sent_ns = ?, response_status = ?, error = ? "
        "WHERE receiver = ? AND status <> 'sent' AND flip_id IN (SELECT value FROM json_each(?))",
        (
            *("queued" if verdict == "again" else verdict, attempts, again, now if verdict == "sent" else None),
            *(status, why, sent.kept.receiver, json.dumps(list(told))),
        ),
    )
    if not rows.rowcount and verdict != "again":
        what = f"Repeated at {payload.time_text(now)}" + (f": {why}" if why else ".")
        connection.execute(
            "UPDATE delivery SET error = ? WHERE receiver = ? AND flip_id IN (SELECT value FROM json_each(?))",
            (what, sent.kept.receiver, json.dumps(list(told))),
        )


def _put_aside(connection: sqlite3.Connection, kept: StoredGroup, group: grouping.Group, told: Iterable[int]) -> None:
    """Suppress what is still queued for a group after a look at it, each with its reason."""
    last = {member.flip_id: member for member in group.members.values()}
    rows = connection.execute(f"SELECT id, flip_id FROM delivery WHERE {_QUEUED}", (kept.receiver, kept.group_key))
    whys = [(_why(last.get(flip_id)), row_id) for row_id, flip_id in rows if flip_id not in set(told)]
    connection.executemany(
        "UPDATE delivery SET status = 'suppressed', next_try_ns = NULL, error = ? WHERE id = ?", whys
    )


def _why(member: grouping.Member | None) -> str:
    if member is None:
        return "Overtaken by a later change before it could be told."
    if member.muted:
        return "Snoozed."
    if not member.firing:
        return "Over before it was told, or the webhook takes no resolved messages."
    return "The receiver was told the same before."
