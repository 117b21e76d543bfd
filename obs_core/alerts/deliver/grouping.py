"""When a group of alerts is told, and what of it: Alertmanager's dispatcher and de-duplication, as a pure state.

The rules are those of Alertmanager (dispatch.go, the aggregation group; notify.go, `needsUpdate`). A group is told
`group_wait` after its first alert, at once if that alert is older; then it is looked at every `group_interval`, and
told again if an alert fired or resolved since, or every `repeat_interval` while one fires. What changed back in
between is not told.

Four things differ, on purpose:
- a group whose alerts are all over is forgotten at once, not at the next of the maintenance rounds;
- a message that was tried and not confirmed may have arrived, so the end of its alerts is told too;
- a message that the receiver refused for good counts as told: it is sent again only when something changes, or at
  the repeat interval;
- where ends are not told, an alert that begins again is told again, also while others of its group fire.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from obs_core.alerts.deliver.webhook import Webhook

_NOTHING: Final[frozenset[str]] = frozenset()


class Member(NamedTuple):
    """An alert in a group, as its last flip left it."""

    flip_id: int
    firing: bool
    starts_ns: int
    muted: bool = False  # snoozed: in no message until it is not
    severity: str = ""  # a change of it is news


@dataclass(frozen=True, slots=True)
class Group:
    """What is known of one group of one webhook; alerts go by their fingerprints, in messages with the severity."""

    members: Mapping[str, Member] = field(default_factory=dict)
    next_ns: int | None = None  # when it is looked at again; None: it has no alerts
    flushed: bool = False  # looked at since it got its first alert
    told_ns: int | None = None  # the last message that was accepted (or refused for good)
    told_firing: frozenset[str] = _NOTHING  # what that message said
    told_resolved: frozenset[str] = _NOTHING
    tried_firing: frozenset[str] = _NOTHING  # what later messages said that were not confirmed


class Due(NamedTuple):
    """What a look at a group found."""

    group: Group  # as it is afterwards if nothing is to be told; else before the message
    firing: tuple[str, ...] = ()  # to be told; both empty: no message
    resolved: tuple[str, ...] = ()


def after_transitions(group: Group, flips: Sequence[tuple[str, Member]], receiver: Webhook, now: int) -> Group:
    """`group` with the new states of alerts in it, given by fingerprint in the order of their flips."""
    next_ns, flushed = group.next_ns, group.flushed
    if next_ns is None:
        next_ns, flushed = now + receiver.group_wait_ns, False
    if not flushed and any(member.starts_ns + receiver.group_wait_ns < now for _, member in flips):
        next_ns = now
    return replace(group, members={**group.members, **dict(flips)}, next_ns=next_ns, flushed=flushed)


def due_message(group: Group, receiver: Webhook, now: int) -> Due | None:
    """What `group` has to tell at `now`; None: it is not its time."""
    if group.next_ns is None or now < group.next_ns:
        return None
    firing, resolved = _names(group, firing=True), _names(group, firing=False)
    rested = replace(group, next_ns=now + receiver.group_interval_ns, flushed=True)
    if not (firing or resolved) or not _changed(group, firing, resolved, receiver, now):
        if not receiver.send_resolved:  # the receiver is not told of ends, so a new beginning is news to it
            rested = replace(rested, told_firing=_still(group.told_firing, firing, group))
        return Due(_without_ended(rested))
    if not receiver.send_resolved and not firing:
        return Due(after_sending(rested, Due(rested), now))
    told = _in_order(group, resolved) if receiver.send_resolved else ()
    return Due(rested, _in_order(group, firing), told)


def after_sending(group: Group, due: Due, now: int) -> Group:
    """`group` after the message `due` was accepted, or refused for good."""
    # what is snoozed stays known: its end is told even if others were told meanwhile
    quiet = _marks(group, (name for name, member in group.members.items() if member.muted))
    firing = _marks(group, due.firing) | ((group.told_firing | group.tried_firing) & quiet)
    ended = _marks(group, _names(group, firing=False))
    told = replace(group, told_ns=now, told_firing=firing, told_resolved=ended, tried_firing=_NOTHING)
    return _without_ended(told)


def after_failure(group: Group, due: Due, again_ns: int) -> Group:
    """`group` after the message `due` didn't get through; it is tried again at `again_ns`."""
    return replace(group, tried_firing=group.tried_firing | _marks(group, due.firing), next_ns=again_ns)


def with_mutes(group: Group, snoozed: Mapping[str, bool]) -> Group:
    """`group` with its members muted as `snoozed` says of their fingerprints; whom it doesn't name is dropped."""
    members = {name: member._replace(muted=snoozed[name]) for name, member in group.members.items() if name in snoozed}
    return replace(group, members=members)


def is_forgettable(group: Group) -> bool:
    """Whether `group` holds nothing that a new one would not."""
    return not (group.members or group.told_firing or group.tried_firing)


def _changed(group: Group, firing: frozenset[str], resolved: frozenset[str], receiver: Webhook, now: int) -> bool:
    """Alertmanager's `needsUpdate`."""
    fires, ended = _marks(group, firing), _marks(group, resolved)
    if group.told_ns is None and not group.tried_firing:
        return bool(fires)
    if not fires <= group.told_firing:
        return True
    if not fires:
        return bool(group.told_firing | group.tried_firing)
    if receiver.send_resolved and not ended <= group.told_resolved:
        return True
    return group.told_ns is None or group.told_ns < now - receiver.repeat_interval_ns


def _names(group: Group, *, firing: bool) -> frozenset[str]:
    """The alerts that fire, or are over, and are not muted."""
    return frozenset(name for name, each in group.members.items() if each.firing is firing and not each.muted)


def _marks(group: Group, names: Iterable[str]) -> frozenset[str]:
    """How messages remember these members: by fingerprint and severity."""
    return frozenset(f"{name}:{group.members[name].severity}" for name in names)


def _still(told: frozenset[str], firing: frozenset[str], group: Group) -> frozenset[str]:
    """What was told and still fires, or is snoozed."""
    quiet = (name for name, member in group.members.items() if member.muted)
    return told & (_marks(group, firing) | _marks(group, quiet))


def _without_ended(group: Group) -> Group:
    """`group` without the alerts that are over, but with those whose end is still to be told after their snooze."""
    known = {mark.partition(":")[0] for mark in group.told_firing | group.tried_firing}
    members = {
        name: member for name, member in group.members.items() if member.firing or (member.muted and name in known)
    }
    return replace(group, members=members, next_ns=group.next_ns if members else None)


def _in_order(group: Group, names: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: (group.members[name].starts_ns, name)))
