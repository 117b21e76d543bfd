"""When groups are sent: compared with a second-by-second reference implementation of Alertmanager's rules."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs_core.alerts.deliver.grouping import (
    Group,
    GroupedAlert,
    after_failure,
    after_sending,
    after_transitions,
    due_notification,
    is_forgettable,
    with_mutes,
)
from obs_core.alerts.deliver.webhook import Webhook

S = 1_000_000_000
WEBHOOK = Webhook("ops", "http://127.0.0.1:9/", group_wait_ns=3 * S, group_interval_ns=5 * S, repeat_interval_ns=20 * S)

Change = tuple[int, str, bool]  # second, alert, firing
SentMessage = tuple[int, frozenset[str], frozenset[str]]  # second, firing, resolved


def with_alert(
    group: Group, now: int, name: str, *, firing: bool = True, muted: bool = False, webhook: Webhook = WEBHOOK
) -> Group:
    return after_transitions(group, [(name, GroupedAlert(now, firing, now * S, muted))], webhook, now * S)


def messages_of(changes: Iterable[Change], seconds: Iterable[int], webhook: Webhook = WEBHOOK) -> list[SentMessage]:
    """The messages when the group is flushed at these seconds and every message is accepted."""
    waiting = sorted(changes, key=lambda change: change[0])
    group = Group()
    messages = []
    for now in seconds:
        while waiting and waiting[0][0] <= now:
            _, name, firing = waiting.pop(0)
            group = with_alert(group, now, name, firing=firing, webhook=webhook)
        notification = due_notification(group, webhook, now * S)
        if notification:
            group = notification.group
            if notification.firing or notification.resolved:
                messages.append((now, frozenset(notification.firing), frozenset(notification.resolved)))
                group = after_sending(group, notification, now * S)
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

    def flush(self, second: int) -> list[SentMessage]:
        self.timer = second + 5
        firing = {name for name, active in self.alerts.items() if active}
        resolved = set(self.alerts) - firing
        sent: list[SentMessage] = []
        if self.needs_update(second, firing, resolved):
            if self.send_resolved or firing:
                sent = [(second, frozenset(firing), frozenset(resolved if self.send_resolved else ()))]
            self.log = (second, firing, resolved)
        elif self.log and not self.send_resolved:  # our difference: an end that was not sent makes the next start new
            self.log = (self.log[0], self.log[1] & firing, self.log[2])
        self.alerts = dict.fromkeys(firing, True)
        if not self.alerts:
            self.timer = None
        return sent


def alertmanager(changes: Iterable[Change], end: int, *, send_resolved: bool) -> list[SentMessage]:
    """What Alertmanager sends, second by second."""
    group = Aggregation(send_resolved)
    pending = list(changes)
    messages: list[SentMessage] = []
    for second in range(end):
        for _, name, firing in (change for change in pending if change[0] == second):
            group.insert(second, name, firing=firing)
        if group.timer == second:
            messages += group.flush(second)
    return messages


CHANGES = st.lists(st.tuples(st.integers(0, 60), st.sampled_from("abc"), st.booleans()), max_size=12).map(
    lambda changes: sorted(changes, key=lambda change: change[0])
)


@settings(deadline=None)
@given(CHANGES, st.booleans())
def test_messages_are_those_of_alertmanager(changes: list[Change], send_resolved: bool) -> None:  # noqa: FBT001
    webhook = replace(WEBHOOK, send_resolved=send_resolved)
    assert messages_of(changes, range(120), webhook) == alertmanager(changes, 120, send_resolved=send_resolved)


@settings(deadline=None)
@given(CHANGES, st.lists(st.integers(0, 100), max_size=30))
def test_however_rarely_it_is_flushed_the_last_message_is_current(changes: list[Change], seconds: list[int]) -> None:
    messages = messages_of(changes, [*sorted(seconds), 200, 300])
    state = {name: firing for _, name, firing in changes}
    known: dict[str, bool] = {}
    for _, firing_names, resolved in messages:
        known.update(dict.fromkeys(firing_names, True))
        known.update(dict.fromkeys(resolved, False))
    assert {name for name, firing in state.items() if firing} == {name for name, firing in known.items() if firing}


def test_alerts_that_come_together_are_one_message_after_the_wait() -> None:
    assert messages_of([(0, "a", True), (2, "b", True)], range(20)) == [(3, frozenset("ab"), frozenset())]


def test_an_alert_that_is_older_than_the_wait_is_sent_at_once() -> None:
    group = after_transitions(Group(), [("a", GroupedAlert(1, firing=True, starts_ns=0))], WEBHOOK, 100 * S)
    notification = due_notification(group, WEBHOOK, 100 * S)
    assert notification is not None
    assert notification.firing == ("a",)


def test_a_group_is_not_flushed_before_its_time() -> None:
    group = with_alert(Group(), 0, "a")
    assert due_notification(group, WEBHOOK, 3 * S - 1) is None
    assert due_notification(Group(), WEBHOOK, 10**18) is None


def test_a_firing_alert_is_repeated_and_a_resolved_one_is_not() -> None:
    messages = messages_of([(0, "a", True), (60, "a", False)], range(200))
    assert [second for second, firing, _ in messages if firing] == [3, 28, 53]
    assert messages[-1] == (63, frozenset(), frozenset("a"))


def test_a_snoozed_alert_is_in_no_message_until_the_snooze_ends() -> None:
    group = with_alert(with_alert(Group(), 0, "a"), 0, "b", muted=True)
    notification = due_notification(group, WEBHOOK, 3 * S)
    assert notification is not None
    assert notification.firing == ("a",)
    group = with_alert(after_sending(notification.group, notification, 3 * S), 4, "b")
    notification = due_notification(group, WEBHOOK, 8 * S)
    assert notification is not None
    assert notification.firing == ("a", "b")


def test_the_end_of_a_snoozed_alert_is_sent_even_if_others_were_sent_meanwhile() -> None:
    group = Group()
    for second, name, firing, muted in ((0, "a", True, False), (4, "a", True, True), (5, "b", True, False)):
        group = with_alert(group, second, name, firing=firing, muted=muted)
        notification = due_notification(group, WEBHOOK, (second + 1) * 10 * S)
        assert notification is not None
        group = (
            after_sending(notification.group, notification, (second + 1) * 10 * S)
            if notification.firing
            else notification.group
        )
    for now, name in ((100, "b"), (200, "a")):
        group = with_alert(group, now, name, firing=False)
        notification = due_notification(group, WEBHOOK, (now + 10) * S)
        assert notification is not None
        assert notification.resolved == (name,)
        group = after_sending(notification.group, notification, (now + 10) * S)


def test_the_end_of_an_alert_that_was_sent_waits_for_the_end_of_its_snooze() -> None:
    group = with_alert(Group(), 0, "a")
    notification = due_notification(group, WEBHOOK, 10 * S)
    assert notification is not None
    group = with_alert(after_sending(notification.group, notification, 10 * S), 11, "a", firing=False)
    notification = due_notification(with_mutes(group, {"a": True}), WEBHOOK, 20 * S)
    assert notification is not None
    assert notification.resolved == ()
    notification = due_notification(with_mutes(notification.group, {"a": False}), WEBHOOK, 30 * S)
    assert notification is not None
    assert notification.resolved == ("a",)
    assert is_forgettable(after_sending(notification.group, notification, 30 * S))


def test_without_send_resolved_an_alert_that_fires_again_is_sent() -> None:
    silent = replace(WEBHOOK, send_resolved=False)
    changes = [(0, "a", True), (0, "b", True), (4, "a", False), (9, "a", True)]
    assert messages_of(changes, range(20), silent) == [
        (3, frozenset("ab"), frozenset()),
        (13, frozenset("ab"), frozenset()),
    ]


def test_a_change_of_severity_is_sent() -> None:
    warning = GroupedAlert(1, firing=True, starts_ns=0, severity="warning")
    critical = GroupedAlert(2, firing=True, starts_ns=0, severity="critical")
    group = after_transitions(Group(), [("a", warning)], WEBHOOK, 0)
    notification = due_notification(group, WEBHOOK, 10 * S)
    assert notification is not None
    group = after_sending(notification.group, notification, 10 * S)
    worse = after_transitions(group, [("a", critical)], WEBHOOK, 11 * S)
    notification = due_notification(worse, WEBHOOK, 20 * S)
    assert notification is not None
    assert notification.firing == ("a",)


def test_a_failed_message_is_retried_with_later_alerts() -> None:
    group = with_alert(Group(), 0, "a")
    notification = due_notification(group, WEBHOOK, 3 * S)
    assert notification is not None
    group = after_failure(notification.group, notification, 3 * S, 4 * S)
    assert due_notification(group, WEBHOOK, 4 * S - 1) is None
    retried = due_notification(with_alert(group, 4, "b"), WEBHOOK, 4 * S)
    assert retried is not None
    assert retried.firing == ("a", "b")


@pytest.mark.parametrize("tried", [True, False])
def test_an_end_is_sent_if_the_start_may_have_arrived(*, tried: bool) -> None:
    group = with_alert(Group(), 0, "a")
    if tried:
        notification = due_notification(group, WEBHOOK, 3 * S)
        assert notification is not None
        group = after_failure(notification.group, notification, 3 * S, 4 * S)
    notification = due_notification(with_alert(group, 3, "a", firing=False), WEBHOOK, 4 * S)
    assert notification is not None
    assert notification.resolved == (("a",) if tried else ())


def test_a_permanently_rejected_message_is_not_sent_again_until_something_changes() -> None:
    group = with_alert(Group(), 0, "a")
    notification = due_notification(group, WEBHOOK, 3 * S)
    assert notification is not None
    group = after_sending(notification.group, notification, 3 * S)
    notification = due_notification(group, WEBHOOK, 8 * S)
    assert notification is not None
    assert not notification.firing
    notification = due_notification(with_alert(notification.group, 9, "b"), WEBHOOK, 13 * S)
    assert notification is not None
    assert notification.firing == ("a", "b")
