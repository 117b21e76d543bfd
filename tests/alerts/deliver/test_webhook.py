"""Webhooks: their fields, the alerts they match, and their public view."""

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

WEBHOOK = Webhook(
    "ops",
    "https://hooks.example.com/in/0123456789abcdef0123?key=zebra",
    headers={"Authorization": "Bearer zebra"},
    secret="zebra",  # noqa: S106 - a secret of the test
)
LABELS = {"alertname": "stale price", "severity": "critical", "process": "feed-1", "data": "price"}


def test_the_defaults_are_alertmanagers() -> None:
    webhook = Webhook("ops", "http://127.0.0.1:9/")
    seconds = [
        duration_ns / 1e9
        for duration_ns in (webhook.group_wait_ns, webhook.group_interval_ns, webhook.repeat_interval_ns)
    ]
    assert seconds == [30, 300, 14_400]
    assert webhook.send_resolved
    assert webhook.max_alerts == 0


def test_no_secret_is_shown_or_printed() -> None:
    assert "zebra" not in f"{public_view(WEBHOOK)} {WEBHOOK!r} {WEBHOOK}"
    assert public_view(WEBHOOK)["headers"] == {"Authorization": "…"}
    assert public_view(WEBHOOK)["url"] == "https://hooks.example.com/in/…?key=…"


def test_a_webhook_is_stored_and_read_back_even_from_a_later_version() -> None:
    webhook = replace(WEBHOOK, rules=("a*",), labels={"process": "feed*"}, group_by=("process", "data"), max_alerts=7)
    assert from_json(to_json(webhook)) == webhook
    assert from_json(to_json(webhook)[:-1] + ', "later": 1}') == webhook


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
def test_an_invalid_webhook_is_refused_with_a_hint_and_without_its_secrets(change: dict[str, object]) -> None:
    with pytest.raises(BadParameter) as caught:
        checked(replace(WEBHOOK, **change))  # type: ignore[arg-type]
    assert caught.value.hint
    assert "zebra" not in caught.value.message + caught.value.hint


def test_a_valid_webhook_is_accepted() -> None:
    assert checked(WEBHOOK) is WEBHOOK


@pytest.mark.parametrize(
    ("asked", "matching"),
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
def test_a_webhook_gets_the_alerts_that_match(asked: dict[str, object], *, matching: bool) -> None:
    assert matches(replace(WEBHOOK, **asked), LABELS) is matching  # type: ignore[arg-type]


def test_brackets_in_names_are_not_patterns() -> None:
    webhook = replace(WEBHOOK, labels={"data": "load.x[0]"})
    assert matches(webhook, {**LABELS, "data": "load.x[0]"})
    assert not matches(webhook, {**LABELS, "data": "load.x0"})
    assert matchers(webhook) == ['data="load.x[0]"']


def test_groups_are_made_by_the_named_labels_none_or_all() -> None:
    assert group_labels(WEBHOOK, LABELS) == {"alertname": "stale price"}
    assert group_labels(replace(WEBHOOK, group_by=("process", "absent")), LABELS) == {"process": "feed-1"}
    assert group_labels(replace(WEBHOOK, group_by=()), LABELS) == {}
    assert group_labels(replace(WEBHOOK, group_by=("...",)), LABELS) == LABELS


def test_matchers_are_written_as_alertmanager_writes_them() -> None:
    webhook = replace(WEBHOOK, rules=("stale*", "a.b"), severities=("critical",), labels={"process": "feed"})
    assert matchers(webhook) == [r'alertname=~"stale.*|a\\.b"', 'severity="critical"', 'process="feed"']
    assert matchers(WEBHOOK) == []
