"""When a group of alerts is sent, and which alerts: Alertmanager's dispatcher and de-duplication, as a pure state.

The rules are those of Alertmanager (dispatch.go, the aggregation group; notify.go, `needsUpdate`). A group is flushed
`group_wait` after its first alert, at once if that alert is older, and then every `group_interval`. A flush sends a
message if an alert fired or resolved since the last message, or every `repeat_interval` while one fires. A state that
changed and changed back between two flushes is not sent.

Four differences are deliberate:
- a group in which all alerts have resolved is deleted at once, not by the next maintenance run;
- a message that was posted but not confirmed may have arrived, so the end of its alerts is sent too;
- a message that the webhook rejected permanently counts as sent: it is sent again only after the next state change or
  the repeat interval;
- without `send_resolved`, an alert that fires again is sent again, even while others of its group fire.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from obs_core.alerts.deliver.webhook import Webhook

_NONE: Final[frozenset[str]] = frozenset()


class GroupedAlert(NamedTuple):
    """An alert in a group, in the state of its last transition."""

    transition_id: int
    firing: bool
    starts_ns: int
    muted: bool = False  # snoozed: not in messages until the snooze ends
    severity: str = ""  # a change of it is sent


@dataclass(frozen=True, slots=True)
class Group:
    """One group of one webhook; its alerts are keyed by fingerprint, those of messages by fingerprint and severity."""

    webhook: str = ""
    labels: str = "{}"  # the labels that its alerts share, as the ledger stores them
    key: str = ""  # `groupKey` of its messages
    alerts: Mapping[str, GroupedAlert] = field(default_factory=dict)
    next_ns: int | None = None  # the next flush; None: it has no alerts
    flushed: bool = False  # since its first alert
    sent_ns: int | None = None  # the last message that was accepted (or permanently rejected)
    sent_firing: frozenset[str] = _NONE  # the alerts of that message
    sent_resolved: frozenset[str] = _NONE
    unconfirmed_firing: frozenset[str] = _NONE  # the alerts of later messages that were not confirmed
    attempts: int = 0  # to send the current message
    first_attempt_ns: int | None = None


class Notification(NamedTuple):
    """The result of flushing a group: the alerts to send, as fingerprints; both empty: no message."""

    group: Group  # without a message: after the flush; else before `after_sending` or `after_failure`
    firing: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()

    @property
    def transition_ids(self) -> list[int]:
        """The last transitions of the alerts to send."""
        return [self.group.alerts[name].transition_id for name in (*self.firing, *self.resolved)]


def after_transitions(group: Group, alerts: Sequence[tuple[str, GroupedAlert]], webhook: Webhook, now: int) -> Group:
    """`group` with the new states of `alerts`, given by fingerprint in the order of their transitions."""
    next_ns, flushed = group.next_ns, group.flushed
    if next_ns is None:
        next_ns, flushed = now + webhook.group_wait_ns, False
    if not flushed and any(alert.starts_ns + webhook.group_wait_ns < now for _, alert in alerts):
        next_ns = now
    return replace(group, alerts={**group.alerts, **dict(alerts)}, next_ns=next_ns, flushed=flushed)


def due_notification(group: Group, webhook: Webhook, now: int) -> Notification | None:
    """Flush `group` at `now`; None: its next flush is later."""
    if group.next_ns is None or now < group.next_ns:
        return None
    firing, resolved = _names(group, firing=True), _names(group, firing=False)
    flushed = replace(group, next_ns=now + webhook.group_interval_ns, flushed=True)
    if not (firing or resolved) or not _needs_update(group, firing, resolved, webhook, now):
        if not webhook.send_resolved:  # the webhook gets no ends, so an alert that fires again is new to it
            flushed = replace(flushed, sent_firing=_still_firing(group.sent_firing, firing, group))
        return Notification(_without_resolved(replace(flushed, attempts=0, first_attempt_ns=None)))
    if not webhook.send_resolved and not firing:
        return Notification(after_sending(flushed, Notification(flushed), now))
    return Notification(flushed, _by_start(group, firing), _by_start(group, resolved) if webhook.send_resolved else ())


def after_sending(group: Group, notification: Notification, now: int) -> Group:
    """`group` after the message of `notification` was accepted, or permanently rejected."""
    # a muted alert stays recorded as sent: its end is sent even if other alerts were sent meanwhile
    muted = _keys(group, (name for name, alert in group.alerts.items() if alert.muted))
    firing = _keys(group, notification.firing) | ((group.sent_firing | group.unconfirmed_firing) & muted)
    resolved = _keys(group, _names(group, firing=False))
    return _without_resolved(
        replace(
            group,
            sent_ns=now,
            sent_firing=firing,
            sent_resolved=resolved,
            unconfirmed_firing=_NONE,
            attempts=0,
            first_attempt_ns=None,
        )
    )


def after_failure(group: Group, notification: Notification, now: int, next_attempt_ns: int) -> Group:
    """`group` after an attempt at `now` that failed; the message is retried at `next_attempt_ns`."""
    return replace(
        group,
        unconfirmed_firing=group.unconfirmed_firing | _keys(group, notification.firing),
        next_ns=next_attempt_ns,
        attempts=group.attempts + 1,
        first_attempt_ns=now if group.first_attempt_ns is None else group.first_attempt_ns,
    )


def with_mutes(group: Group, snoozed: Mapping[str, bool]) -> Group:
    """`group` with its alerts muted by fingerprint as in `snoozed`; alerts that are not in it are removed."""
    alerts = {name: alert._replace(muted=snoozed[name]) for name, alert in group.alerts.items() if name in snoozed}
    return replace(group, alerts=alerts)


def is_forgettable(group: Group) -> bool:
    """Whether `group` has no state that a new group would not have."""
    return not (group.alerts or group.sent_firing or group.unconfirmed_firing)


def _needs_update(group: Group, firing: frozenset[str], resolved: frozenset[str], webhook: Webhook, now: int) -> bool:
    """Alertmanager's `needsUpdate`."""
    firing_keys, resolved_keys = _keys(group, firing), _keys(group, resolved)
    if group.sent_ns is None and not group.unconfirmed_firing:
        return bool(firing_keys)
    if not firing_keys <= group.sent_firing:
        return True
    if not firing_keys:
        return bool(group.sent_firing | group.unconfirmed_firing)
    if webhook.send_resolved and not resolved_keys <= group.sent_resolved:
        return True
    return group.sent_ns is None or group.sent_ns < now - webhook.repeat_interval_ns


def _names(group: Group, *, firing: bool) -> frozenset[str]:
    """The fingerprints of the alerts that fire, or have resolved, and are not muted."""
    return frozenset(name for name, alert in group.alerts.items() if alert.firing is firing and not alert.muted)


def _keys(group: Group, names: Iterable[str]) -> frozenset[str]:
    """How sent alerts are recorded: by fingerprint and severity."""
    return frozenset(f"{name}:{group.alerts[name].severity}" for name in names)


def _still_firing(sent: frozenset[str], firing: frozenset[str], group: Group) -> frozenset[str]:
    """The sent alerts that still fire or are muted."""
    muted = (name for name, alert in group.alerts.items() if alert.muted)
    return sent & (_keys(group, firing) | _keys(group, muted))


def _without_resolved(group: Group) -> Group:
    """`group` without resolved alerts; a muted one stays if its end is still to be sent after the snooze."""
    sent = {key.partition(":")[0] for key in group.sent_firing | group.unconfirmed_firing}
    alerts = {name: alert for name, alert in group.alerts.items() if alert.firing or (alert.muted and name in sent)}
    return replace(group, alerts=alerts, next_ns=group.next_ns if alerts else None)


def _by_start(group: Group, names: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: (group.alerts[name].starts_ns, name)))
