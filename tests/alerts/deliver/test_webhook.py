"""Webhooks: what they take, whom they are told of, and what is shown of them."""

from dataclasses import replace

import pytest

from obs_core.alerts.deliver.webhook import (
    Webhook,
    checked,
    from_json,
    group_labels,
    matchers,
    matches,
    public_view,
    to_json,
)
from obs_core.errors import BadParameter

HOOK = Webhook(
    "ops",
    "https://hooks.example.com/in/0123456789abcdef0123?key=zebra",
    headers={"Authorization": "Bearer zebra"},
    secret="zebra",  # noqa: S106 - a secret of the test
)
LABELS = {"alertname": "stale price", "severity": "critical", "process": "feed-1", "data": "price"}


def test_the_defaults_are_alertmanagers() -> None:
    receiver = Webhook("ops", "http://127.0.0.1:9/")
    seconds = [each / 1e9 for each in (receiver.group_wait_ns, receiver.group_interval_ns, receiver.repeat_interval_ns)]
    assert seconds == [30, 300, 14_400]
    assert receiver.send_resolved
    assert receiver.max_alerts == 0


def test_no_secret_is_shown_or_printed() -> None:
    assert "zebra" not in f"{public_view(HOOK)} {HOOK!r} {HOOK}"
    assert public_view(HOOK)["headers"] == {"Authorization": "…"}
    assert public_view(HOOK)["url"] == "https://hooks.example.com/in/…?key=…"


def test_what_is_stored_comes_back_whole_also_from_a_later_version() -> None:
    receiver = replace(HOOK, rules=("a*",), labels={"process": "feed*"}, group_by=("process", "data"), max_alerts=7)
    assert from_json(to_json(receiver)) == receiver
    assert from_json(to_json(receiver)[:-1] + ', "later": 1}') == receiver


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "é"},
        {"url": "ftp://x/"},
        {"headers": {"Host": "x"}},
        {"headers": {"Content-Length": "1"}},
        {"headers": {"X-A": "zebra\r\nX-B: 1"}},
        {"headers": {"X A": "1"}},
        {"labels": {"a=b": "*"}},
        {"group_by": ("a b",)},
        {"group_wait_ns": -1},
        {"group_interval_ns": 0},
        {"repeat_interval_ns": 1},
        {"max_alerts": -1},
        {"rules": ("a",) * 33},
    ],
)
def test_a_webhook_that_cannot_work_is_refused_with_a_hint_and_without_its_secrets(change: dict[str, object]) -> None:
    with pytest.raises(BadParameter) as caught:
        checked(replace(HOOK, **change))  # type: ignore[arg-type]
    assert caught.value.hint
    assert "zebra" not in caught.value.message + caught.value.hint


def test_a_webhook_that_can_work_is_taken() -> None:
    assert checked(HOOK) is HOOK


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, True),
        ({"rules": ("stale price",)}, True),
        ({"rules": ("stale*", "x")}, True),
        ({"rules": ("silent*",)}, False),
        ({"severities": ("warning",)}, False),
        ({"severities": ("warning", "critical")}, True),
        ({"labels": {"process": "feed*", "data": "price"}}, True),
        ({"labels": {"process": "feed*", "data": "x"}}, False),
        ({"labels": {"host": "?*"}}, False),
    ],
)
def test_a_webhook_is_told_of_what_it_asks_for(asked: dict[str, object], *, told: bool) -> None:
    assert matches(replace(HOOK, **asked), LABELS) is told  # type: ignore[arg-type]


def test_brackets_in_names_are_no_patterns() -> None:
    receiver = replace(HOOK, labels={"data": "load.x[0]"})
    assert matches(receiver, {**LABELS, "data": "load.x[0]"})
    assert not matches(receiver, {**LABELS, "data": "load.x0"})
    assert matchers(receiver) == ['data="load.x[0]"']


def test_groups_are_made_by_the_named_labels_none_or_all() -> None:
    assert group_labels(HOOK, LABELS) == {"alertname": "stale price"}
    assert group_labels(replace(HOOK, group_by=("process", "absent")), LABELS) == {"process": "feed-1"}
    assert group_labels(replace(HOOK, group_by=()), LABELS) == {}
    assert group_labels(replace(HOOK, group_by=("...",)), LABELS) == LABELS


def test_matchers_are_written_as_alertmanager_writes_them() -> None:
    receiver = replace(HOOK, rules=("stale*", "a.b"), severities=("critical",), labels={"process": "feed"})
    assert matchers(receiver) == [r'alertname=~"stale.*|a\\.b"', 'severity="critical"', 'process="feed"']
    assert matchers(HOOK) == []
