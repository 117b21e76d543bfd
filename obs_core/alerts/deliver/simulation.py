"""What delivery would have sent of flips that are known beforehand, by its own rules, to a receiver that accepts all.

A group of alerts depends on nothing but its flips, so each is gone through by itself, from look to look.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from obs_core.alerts.deliver import group_store, grouping, transitions
from obs_core.alerts.deliver.grouping import Group, Member
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.alerts.ledger import AlertTransition

Arrival = tuple[int, str, Member]
"""The moment of a flip, its alert, and how it left that alert."""


class SimulatedMessage(NamedTuple):
    """One message: when it would have been sent, and how many alerts it says fire and are over."""

    moment_ns: int
    firing: int
    resolved: int


def messages(known: Iterable[AlertTransition], hook: Webhook, until_ns: int) -> list[SimulatedMessage]:
    """What `hook` would have been sent of the flips `known`, by time.

    Of what still fires, repetitions up to `until_ns` count; the last flips are told even if their wait ends later.
    """
    homes: dict[str, str] = {}
    arriving: dict[str, list[Arrival]] = {}
    for number, flip in enumerate(sorted(known, key=lambda each: each.moment_ns)):
        if (
            not transitions.is_told(flip)
            or (home := group_store.group_of(hook, flip, homes)) is None
            or flip.while_flapping
        ):
            continue
        arriving.setdefault(home, []).append((flip.moment_ns, flip.fingerprint, transitions.member_of(number, flip)))
    return sorted(told for arrivals in arriving.values() for told in _of_group(arrivals, hook, until_ns))


def _of_group(arrivals: Sequence[Arrival], hook: Webhook, until_ns: int) -> list[SimulatedMessage]:
    """The messages of one group; what comes at the moment of a look comes before it."""
    rest = deque((moment, [each[1:] for each in found]) for moment, found in groupby(arrivals, lambda each: each[0]))
    found: list[SimulatedMessage] = []
    group, is_news = Group(), False
    while rest or (group.next_ns is not None and (is_news or group.next_ns <= until_ns)):
        if rest and (group.next_ns is None or rest[0][0] <= group.next_ns):
            moment, members = rest.popleft()
            group, is_news = grouping.after_transitions(group, members, hook, moment), True
            continue
        now = group.next_ns or 0
        due = grouping.due_message(group, hook, now) or grouping.Due(group)
        group, is_news = due.group, False
        if due.firing or due.resolved:
            found.append(SimulatedMessage(now, len(due.firing), len(due.resolved)))
            group = grouping.after_sending(group, due, now)
        comes_ns = rest[0][0] if rest else until_ns + 1
        group = Group() if grouping.is_forgettable(group) else _rested(group, hook, comes_ns)
    return found


def _rested(group: Group, hook: Webhook, until_ns: int) -> Group:
    """`group` at its next look that can tell something: the first one after news, or after the repeat interval.

    A year of looks at one alert that fires: 0.8 s one by one, 0.04 s so.
    """
    if group.next_ns is None:
        return group
    wakes_ns = until_ns if group.told_ns is None else min(until_ns, group.told_ns + hook.repeat_interval_ns + 1)
    looks = max(0, -(-(wakes_ns - group.next_ns) // hook.group_interval_ns))
    return replace(group, next_ns=group.next_ns + looks * hook.group_interval_ns)
