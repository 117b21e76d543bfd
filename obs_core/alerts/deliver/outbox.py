"""From flips to deliveries: each flip is queued once for each webhook that wants it, and each message recorded.

Every step is one transaction, so a kill at any moment leaves it done or not begun. A message is posted between two of
them: killed there, its answer is not recorded and it is posted again, with the same key.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

from obs_core.alerts import ledger
from obs_core.alerts.deliver import flips, groups, outcome, payload, receiver, schedule, webhooks
from obs_core.alerts.deliver.groups import Kept
from obs_core.alerts.deliver.outcome import Answer
from obs_core.alerts.deliver.receiver import Receiver
from obs_core.alerts.deliver.sending import Message
from obs_core.alerts.ledger import Flip
from obs_core.store import sqlite

AT_ONCE: Final = 16  # groups in one round; each is recorded when its answer comes
_FLIP: Final = ", ".join(Flip._fields)
_QUEUED: Final = "receiver = ? AND group_key = ? AND status = 'queued'"


class Ready(NamedTuple):
    """A message that is to be posted for a group."""

    kept: Kept
    due: schedule.Due
    message: Message
    repeats: bool  # nothing is new; it still fires


def queue(connection: sqlite3.Connection, now: int) -> int:
    """Queue the flips that came since the last time; how many deliveries that made."""
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM flip").fetchone()[0]
    behind = "SELECT config, seen FROM webhook WHERE seen IS NULL OR seen < ?"
    if not connection.execute(behind, (newest,)).fetchone():
        return 0
    made = 0
    with sqlite.transaction(connection):
        for config, seen in connection.execute(behind, (newest,)).fetchall():
            hook = receiver.from_json(config)
            known = _firing_now(connection) if seen is None else ledger.flips(connection, after=seen)
            wanted = [(flip_id, flip) for flip_id, flip in known if flip_id <= newest and flips.is_told(flip)]
            made += _queue_for(connection, hook, wanted, now)
            connection.execute("UPDATE webhook SET seen = ? WHERE name = ?", (newest, hook.name))
    return made


def ready(connection: sqlite3.Connection, now: int, external_url: str) -> list[Ready]:
    """The messages that are due; groups that have nothing to tell are put aside until their next time."""
    snoozed = {rule for rule, until in ledger.snoozes(connection).items() if until > now}
    hooks = {hook.name: hook for hook in webhooks.listed(connection)}
    found = []
    for kept in groups.due(connection, now, AT_ONCE):
        if kept.receiver not in hooks:  # removed while its message was on the way
            groups.forget(connection, kept)
            continue
        rules = _rules(connection, kept)
        group = schedule.with_mutes(kept.group, lambda name, rules=rules: rules[name] in snoozed)  # type: ignore[misc]
        due = schedule.look(group, hooks[kept.receiver], now)
        if due is None:
            continue
        if due.firing or (due.resolved and not due.silently):
            found.append(_ready(connection, kept, due, hooks[kept.receiver], external_url))
            continue
        with sqlite.transaction(connection):
            _put_aside(connection, kept, group, ())
            groups.keep(connection, kept._replace(group=due.group, attempts=0, first_try_ns=None))
    return found


def record(connection: sqlite3.Connection, sent: Ready, answer: Answer, now: int) -> None:
    """Keep what came of a message, in one transaction."""
    verdict = outcome.verdict(answer)
    attempts, first = sent.kept.attempts + 1, sent.kept.first_try_ns or now
    why = outcome.sentence(answer)
    if verdict == "again" and now - first >= outcome.GIVE_UP_NS:
        verdict, why = "failed", f"{why} Given up after a day."
    told = [sent.due.group.members[name].flip_id for name in (*sent.due.firing, *sent.due.resolved)]
    again = outcome.again_ns(answer, attempts, now) if verdict == "again" else None
    with sqlite.transaction(connection):
        _mark(connection, sent, told, (verdict, attempts, again, now, answer.status, why))
        if again is None:
            _put_aside(connection, sent.kept, sent.due.group, told)
            group = schedule.after_telling(sent.due.group, sent.due, now)
            kept = sent.kept._replace(group=group, attempts=0, first_try_ns=None)
        else:
            group = schedule.after_failure(sent.due.group, sent.due, again)
            kept = sent.kept._replace(group=group, attempts=attempts, first_try_ns=first)
        groups.keep(connection, kept)


def _queue_for(connection: sqlite3.Connection, hook: Receiver, wanted: list[tuple[int, Flip]], now: int) -> int:
    """Queue `wanted` flips for one webhook; an alert stays in the group that it was told in."""
    known = groups.of_receiver(connection, hook.name)
    home = {name: labels for labels, kept in known.items() for name in kept.group.members}
    changed: dict[str, Kept] = {}
    rows = []
    for flip_id, flip in wanted:
        labels = flips.labels_of(flip)
        if flip.fingerprint not in home and not receiver.matches(hook, labels):
            continue
        of_group = receiver.group_labels(hook, labels)
        key = home.setdefault(flip.fingerprint, groups.labels_text(of_group))
        kept = known.get(key) or Kept(
            hook.name, key, payload.group_key(receiver.matchers(hook), of_group), schedule.Group()
        )
        member = flips.member_of(flip_id, flip)
        known[key] = changed[key] = kept._replace(
            group=schedule.after_flip(kept.group, flip.fingerprint, member, hook, now)
        )
        rows.append((flip_id, hook.name, kept.group_key, changed[key].group.next_ns))
    connection.executemany(
        "INSERT INTO delivery (flip_id, receiver, group_key, status, next_try_ns) VALUES (?, ?, ?, 'queued', ?) "
        "ON CONFLICT DO NOTHING",
        rows,
    )
    for kept in changed.values():
        groups.keep(connection, kept)
    return len(rows)


def _firing_now(connection: sqlite3.Connection) -> list[tuple[int, Flip]]:
    """The last flip of each alert that fires: what a new webhook is told first."""
    rows = connection.execute(
        f"SELECT id, {_FLIP} FROM flip WHERE id IN (SELECT max(id) FROM flip GROUP BY fingerprint) ORDER BY id"
    )
    return [(row[0], flip) for row in rows if (flip := Flip(*row[1:])).state_to in flips.FIRING]


def _flips_of(connection: sqlite3.Connection, kept: Kept) -> dict[str, Flip]:
    """The last flips of a group's alerts, by fingerprint."""
    ids = json.dumps([member.flip_id for member in kept.group.members.values()])
    rows = connection.execute(f"SELECT {_FLIP} FROM flip WHERE id IN (SELECT value FROM json_each(?))", (ids,))
    return {flip.fingerprint: flip for flip in (Flip(*row) for row in rows)}


def _rules(connection: sqlite3.Connection, kept: Kept) -> dict[str, str]:
    return {name: flip.rule for name, flip in _flips_of(connection, kept).items()}


def _ready(connection: sqlite3.Connection, kept: Kept, due: schedule.Due, hook: Receiver, external_url: str) -> Ready:
    found = _flips_of(connection, kept)
    alerts = [flips.alert_of(found[name], external_url) for name in (*due.firing, *due.resolved)]
    envelope = payload.Envelope(hook.name, kept.group_key, json.loads(kept.labels), external_url)
    members = due.group.members
    said = [kept.receiver, kept.labels, due.group.told_ns, [members[name].flip_id for name in members]]
    key = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]
    waiting = connection.execute(f"SELECT 1 FROM delivery WHERE {_QUEUED}", (kept.receiver, kept.group_key)).fetchone()
    return Ready(kept, due, Message(hook, payload.message(envelope, alerts, hook.max_alerts), key), not waiting)


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


def _put_aside(connection: sqlite3.Connection, kept: Kept, group: schedule.Group, told: Iterable[int]) -> None:
    """Suppress what is still queued for a group after a look at it, each with its reason."""
    last = {member.flip_id: member for member in group.members.values()}
    rows = connection.execute(f"SELECT id, flip_id FROM delivery WHERE {_QUEUED}", (kept.receiver, kept.group_key))
    whys = [(_why(last.get(flip_id)), row_id) for row_id, flip_id in rows if flip_id not in set(told)]
    connection.executemany(
        "UPDATE delivery SET status = 'suppressed', next_try_ns = NULL, error = ? WHERE id = ?", whys
    )


def _why(member: schedule.Member | None) -> str:
    if member is None:
        return "Overtaken by a later change before it could be told."
    if member.muted:
        return "Snoozed."
    if not member.firing:
        return "Over before it was told, or the webhook takes no resolved messages."
    return "The receiver was told the same before."
