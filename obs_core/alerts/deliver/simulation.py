"""Which messages delivery would have sent for given transitions, by its own rules, to a webhook that accepts them all.

A group of alerts depends only on its transitions, so each group is simulated on its own, from flush to flush.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from obs_core.alerts.deliver import group_store, grouping, transitions
from obs_core.alerts.deliver.grouping import Group, GroupedAlert
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.alerts.ledger import AlertTransition

TimedAlert = tuple[int, str, GroupedAlert]
"""The time of a transition, the fingerprint of its alert, and the state of that alert afterwards."""


class SimulatedMessage(NamedTuple):
    """One message: when it would have been sent, and its number of firing and resolved alerts."""

    time_ns: int
    firing: int
    resolved: int


def messages(recorded: Iterable[AlertTransition], webhook: Webhook, end_ns: int) -> list[SimulatedMessage]:
    """The messages that `webhook` would have been sent for the transitions `recorded`, by time.

    Repeats of firing alerts count up to `end_ns`; the last transitions are sent even if their wait ends later.
    """
    group_by_fingerprint: dict[str, str] = {}
    alerts: dict[str, list[TimedAlert]] = {}
    ordered = sorted(recorded, key=lambda transition: transition.timestamp_ns)
    for number, transition in enumerate(ordered):
        if not transitions.is_notified(transition):
            continue
        labels = group_store.group_of(webhook, transition, group_by_fingerprint)
        if labels is None or transition.while_flapping:
            continue
        alert = transitions.grouped_alert(number, transition)
        alerts.setdefault(labels, []).append((transition.timestamp_ns, transition.fingerprint, alert))
    return sorted(message for changes in alerts.values() for message in _of_group(changes, webhook, end_ns))


def _of_group(changes: Sequence[TimedAlert], webhook: Webhook, end_ns: int) -> list[SimulatedMessage]:
    """The messages of one group; a transition at the time of a flush is applied before it."""
    rest = deque((time_ns, [change[1:] for change in same]) for time_ns, same in groupby(changes, lambda item: item[0]))
    sent: list[SimulatedMessage] = []
    group, has_news = Group(), False
    while rest or (group.next_ns is not None and (has_news or group.next_ns <= end_ns)):
        if rest and (group.next_ns is None or rest[0][0] <= group.next_ns):
            time_ns, alerts = rest.popleft()
            group, has_news = grouping.after_transitions(group, alerts, webhook, time_ns), True
            continue
        now = group.next_ns or 0
        notification = grouping.due_notification(group, webhook, now) or grouping.Notification(group)
        group, has_news = notification.group, False
        if notification.firing or notification.resolved:
            sent.append(SimulatedMessage(now, len(notification.firing), len(notification.resolved)))
            group = grouping.after_sending(group, notification, now)
        next_change_ns = rest[0][0] if rest else end_ns + 1
        group = Group() if grouping.is_forgettable(group) else _at_next_message(group, webhook, next_change_ns)
    return sent


def _at_next_message(group: Group, webhook: Webhook, end_ns: int) -> Group:
    """`group` at its next flush that can send something: the first one after news, or after the repeat interval.

    A year of flushes of one firing alert: 0.8 s one by one, 0.04 s with this.
    """
    if group.next_ns is None:
        return group
    repeat_ns = end_ns if group.sent_ns is None else min(end_ns, group.sent_ns + webhook.repeat_interval_ns + 1)
    skipped = max(0, -(-(repeat_ns - group.next_ns) // webhook.group_interval_ns))
    return replace(group, next_ns=group.next_ns + skipped * webhook.group_interval_ns)
