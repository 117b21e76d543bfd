"""When groups are told: held against Alertmanager's rules, walked second by second by a reference of the test."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs_core.alerts.deliver.grouping import (
    Group,
    Member,
    after_failure,
    after_sending,
    after_transitions,
    due_message,
    is_forgettable,
    with_mutes,
)
from obs_core.alerts.deliver.webhook import Webhook

S = 1_000_000_000
HOOK = Webhook("ops", "http://127.0.0.1:9/", group_wait_ns=3 * S, group_interval_ns=5 * S, repeat_interval_ns=20 * S)

Flip = tuple[int, str, bool]  # second, alert, firing
Told = tuple[int, frozenset[str], frozenset[str]]  # second, firing, resolved


def flip(
    group: Group, now: int, name: str, *, firing: bool = True, muted: bool = False, receiver: Webhook = HOOK
) -> Group:
    return after_transitions(group, [(name, Member(now, firing, now * S, muted))], receiver, now * S)


def told(flips: Iterable[Flip], seconds: Iterable[int], receiver: Webhook = HOOK) -> list[Told]:
    """The messages when the group is looked at in these seconds, every message being accepted."""
    waiting = sorted(flips, key=lambda each: each[0])
    group = Group()
    messages = []
    for now in seconds:
        while waiting and waiting[0][0] <= now:
            _, name, firing = waiting.pop(0)
            group = flip(group, now, name, firing=firing, receiver=receiver)
        due = due_message(group, receiver, now * S)
        if due:
            group = due.group
            if due.firing or due.resolved:
                messages.append((now, frozenset(due.firing), frozenset(due.resolved)))
                group = after_sending(group, due, now * S)
    return messages


@dataclass
class Aggregation:
    """Alertmanager's aggregation group, its notification log, de-duplication and retry stage."""

    send_resolved: bool
    alerts: dict[str, bool] = field(default_factory=dict)
    timer: int | None = None
    log: tuple[int, set[str], set[str]] | None = None

    def insert(self, second: int, name: str, *, firing: bool) -> None:
        if self.timer is None:
            self.timer = second + 3
        self.alerts[name] = firing

    def needs_update(self, second: int, firing: set[str], resolved: set[str]) -> bool:
        if self.log is None:
            return len(firing) > 0
        if not firing.issubset(self.log[1]):
            return True
        if len(firing) == 0:
            return len(self.log[1]) > 0
        if self.send_resolved and not resolved.issubset(self.log[2]):
            return True
        return self.log[0] < second - 20

    def flush(self, second: int) -> list[Told]:
        self.timer = second + 5
        firing = {name for name, active in self.alerts.items() if active}
        resolved = set(self.alerts) - firing
        sent: list[Told] = []
        if self.needs_update(second, firing, resolved):
            if self.send_resolved or firing:
                sent = [(second, frozenset(firing), frozenset(resolved if self.send_resolved else ()))]
            self.log = (second, firing, resolved)
        elif self.log and not self.send_resolved:  # ours: what ended untold begins anew
            self.log = (self.log[0], self.log[1] & firing, self.log[2])
        self.alerts = dict.fromkeys(firing, True)
        if not self.alerts:
            self.timer = None
        return sent


def alertmanager(flips: Iterable[Flip], end: int, *, send_resolved: bool) -> list[Told]:
    """What Alertmanager sends, walked one second after the other."""
    group = Aggregation(send_resolved)
    arriving = list(flips)
    messages: list[Told] = []
    for second in range(end):
        for _, name, firing in (each for each in arriving if each[0] == second):
            group.insert(second, name, firing=firing)
        if group.timer == second:
            messages += group.flush(second)
    return messages


FLIPS = st.lists(st.tuples(st.integers(0, 60), st.sampled_from("abc"), st.booleans()), max_size=12).map(
    lambda flips: sorted(flips, key=lambda each: each[0])
)


@settings(deadline=None)
@given(FLIPS, st.booleans())
def test_messages_are_those_of_alertmanager(flips: list[Flip], send_resolved: bool) -> None:  # noqa: FBT001
    receiver = replace(HOOK, send_resolved=send_resolved)
    assert told(flips, range(120), receiver) == alertmanager(flips, 120, send_resolved=send_resolved)


@settings(deadline=None)
@given(FLIPS, st.lists(st.integers(0, 100), max_size=30))
def test_however_rarely_it_is_looked_at_the_last_word_is_the_truth(flips: list[Flip], seconds: list[int]) -> None:
    messages = told(flips, [*sorted(seconds), 200, 300])
    state = {name: firing for _, name, firing in flips}
    known: dict[str, bool] = {}
    for _, firing_names, resolved in messages:
        known.update(dict.fromkeys(firing_names, True))
        known.update(dict.fromkeys(resolved, False))
    assert {name for name, firing in state.items() if firing} == {name for name, firing in known.items() if firing}


def test_alerts_that_come_together_are_one_message_after_the_wait() -> None:
    assert told([(0, "a", True), (2, "b", True)], range(20)) == [(3, frozenset("ab"), frozenset())]


def test_an_alert_that_is_older_than_the_wait_is_told_at_once() -> None:
    group = after_transitions(Group(), [("a", Member(1, firing=True, starts_ns=0))], HOOK, 100 * S)
    due = due_message(group, HOOK, 100 * S)
    assert due is not None
    assert due.firing == ("a",)


def test_nothing_is_due_before_its_time() -> None:
    group = flip(Group(), 0, "a")
    assert due_message(group, HOOK, 3 * S - 1) is None
    assert due_message(Group(), HOOK, 10**18) is None


def test_while_it_fires_it_is_repeated_and_when_it_ended_it_is_not() -> None:
    messages = told([(0, "a", True), (60, "a", False)], range(200))
    assert [second for second, firing, _ in messages if firing] == [3, 28, 53]
    assert messages[-1] == (63, frozenset(), frozenset("a"))


def test_a_snoozed_alert_is_in_no_message_until_it_is_not() -> None:
    group = flip(flip(Group(), 0, "a"), 0, "b", muted=True)
    due = due_message(group, HOOK, 3 * S)
    assert due is not None
    assert due.firing == ("a",)
    group = flip(after_sending(due.group, due, 3 * S), 4, "b")
    due = due_message(group, HOOK, 8 * S)
    assert due is not None
    assert due.firing == ("a", "b")


def test_the_end_of_a_snoozed_alert_is_told_also_if_others_were_told_meanwhile() -> None:
    group = Group()
    for second, name, firing, muted in ((0, "a", True, False), (4, "a", True, True), (5, "b", True, False)):
        group = flip(group, second, name, firing=firing, muted=muted)
        due = due_message(group, HOOK, (second + 1) * 10 * S)
        assert due is not None
        group = after_sending(due.group, due, (second + 1) * 10 * S) if due.firing else due.group
    for now, name in ((100, "b"), (200, "a")):
        group = flip(group, now, name, firing=False)
        due = due_message(group, HOOK, (now + 10) * S)
        assert due is not None
        assert due.resolved == (name,)
        group = after_sending(due.group, due, (now + 10) * S)


def test_the_end_of_an_alert_that_was_told_waits_for_the_end_of_its_snooze() -> None:
    group = flip(Group(), 0, "a")
    due = due_message(group, HOOK, 10 * S)
    assert due is not None
    group = flip(after_sending(due.group, due, 10 * S), 11, "a", firing=False)
    due = due_message(with_mutes(group, {"a": True}), HOOK, 20 * S)
    assert due is not None
    assert due.resolved == ()
    due = due_message(with_mutes(due.group, {"a": False}), HOOK, 30 * S)
    assert due is not None
    assert due.resolved == ("a",)
    assert is_forgettable(after_sending(due.group, due, 30 * S))


def test_where_ends_are_not_told_a_new_beginning_is() -> None:
    silent = replace(HOOK, send_resolved=False)
    flips = [(0, "a", True), (0, "b", True), (4, "a", False), (9, "a", True)]
    assert told(flips, range(20), silent) == [(3, frozenset("ab"), frozenset()), (13, frozenset("ab"), frozenset())]


def test_a_change_of_severity_is_told() -> None:
    group = after_transitions(Group(), [("a", Member(1, firing=True, starts_ns=0, severity="warning"))], HOOK, 0)
    due = due_message(group, HOOK, 10 * S)
    assert due is not None
    group = after_sending(due.group, due, 10 * S)
    worse = after_transitions(group, [("a", Member(2, firing=True, starts_ns=0, severity="critical"))], HOOK, 11 * S)
    due = due_message(worse, HOOK, 20 * S)
    assert due is not None
    assert due.firing == ("a",)


def test_a_failed_message_is_tried_again_with_what_happened_since() -> None:
    group = flip(Group(), 0, "a")
    due = due_message(group, HOOK, 3 * S)
    assert due is not None
    group = after_failure(due.group, due, 4 * S)
    assert due_message(group, HOOK, 4 * S - 1) is None
    again = due_message(flip(group, 4, "b"), HOOK, 4 * S)
    assert again is not None
    assert again.firing == ("a", "b")


@pytest.mark.parametrize("tried", [True, False])
def test_an_end_is_told_if_the_beginning_may_have_arrived(*, tried: bool) -> None:
    group = flip(Group(), 0, "a")
    if tried:
        due = due_message(group, HOOK, 3 * S)
        assert due is not None
        group = after_failure(due.group, due, 4 * S)
    due = due_message(flip(group, 3, "a", firing=False), HOOK, 4 * S)
    assert due is not None
    assert due.resolved == (("a",) if tried else ())


def test_what_was_refused_for_good_is_not_sent_again_until_something_changes() -> None:
    group = flip(Group(), 0, "a")
    due = due_message(group, HOOK, 3 * S)
    assert due is not None
    group = after_sending(due.group, due, 3 * S)
    due = due_message(group, HOOK, 8 * S)
    assert due is not None
    assert not due.firing
    due = due_message(flip(due.group, 9, "b"), HOOK, 13 * S)
    assert due is not None
    assert due.firing == ("a", "b")
