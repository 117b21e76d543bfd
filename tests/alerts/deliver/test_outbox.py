"""The outbox: what is queued, sent, tried again, suppressed, and what the delivery log says of it."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from obs_core.alerts import ledger
from obs_core.alerts.deliver import outbox, webhook_store
from obs_core.alerts.deliver.retry import Response
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.errors import BadParameter
from tests.alerts.deliver.recording import record_transition
from tests.support import alertmanager

S = 1_000_000_000
T = 1_767_225_600 * S
WEBHOOK = Webhook("ops", "http://127.0.0.1:9/hook", secret="zebra")  # noqa: S106 - a secret of the test


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(ledger.open_ledger(tmp_path / "trace.db")) as connection:
        webhook_store.add(connection, WEBHOOK, T)
        outbox.queue(connection, T)
        yield connection


def rows(connection: sqlite3.Connection) -> list[tuple[int, str, int, int | None, str]]:
    return connection.execute(
        "SELECT transition_id, status, attempts, response_status, error FROM delivery ORDER BY id"
    ).fetchall()


def run_round(connection: sqlite3.Connection, now: int, response: Response = Response(200)) -> list[dict[str, Any]]:  # noqa: B008
    """One round in which every message gets `response`; the messages."""
    outbox.queue(connection, now)
    due = outbox.due_messages(connection, now, "http://dash:8501")
    for notification, _ in due:
        outbox.record(connection, notification, response, now)
    return [alertmanager.message(message.body) for _, message in due]


def test_a_transition_is_queued_once_and_sent_after_the_wait(connection: sqlite3.Connection) -> None:
    record_transition(connection, "firing", T, before="pending")
    assert run_round(connection, T) == run_round(connection, T + 29 * S) == []
    assert rows(connection) == [(1, "queued", 0, None, "")]
    [message] = run_round(connection, T + 30 * S)
    assert rows(connection) == [(1, "sent", 1, 200, "")]
    assert run_round(connection, T + 31 * S) == run_round(connection, T + 330 * S) == []
    [alert] = message["alerts"]
    assert message["groupKey"] == '{}:{alertname="stale price"}'
    assert message["receiver"] == "ops"
    assert alert["labels"] == {"alertname": "stale price", "process": "feed", "severity": "warning"}
    assert alert["annotations"] == {"summary": "equal for long", "value": "1.5"}
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z")
    assert alert["generatorURL"] == "http://dash:8501/alerts?a_rule=stale%20price"
    transition = ledger.transitions(connection)[0][1]
    assert alert["fingerprint"] == transition.fingerprint


def test_the_end_is_sent_with_the_same_fingerprint_and_its_time(connection: sqlite3.Connection) -> None:
    record_transition(connection, "firing", T)
    outbox.queue(connection, T)
    [fired] = run_round(connection, T + 30 * S)
    record_transition(connection, "resolved", T + 60 * S, before="firing", starts_ns=T)
    [ended] = run_round(connection, T + 330 * S)
    assert ended["status"] == "resolved"
    assert ended["alerts"][0]["endsAt"] == "2026-01-01T00:01:00Z"
    assert ended["alerts"][0]["startsAt"] == fired["alerts"][0]["startsAt"]
    assert ended["alerts"][0]["fingerprint"] == fired["alerts"][0]["fingerprint"]
    assert [row[1] for row in rows(connection)] == ["sent", "sent"]
    assert connection.execute("SELECT count(*) FROM delivery_group").fetchone() == (0,)


def test_transitions_without_notification_are_not_queued(connection: sqlite3.Connection) -> None:
    record_transition(connection, "pending", T)
    record_transition(connection, "inactive", T + S, before="pending")
    assert run_round(connection, T + 60 * S) == []
    assert rows(connection) == []


def test_an_alert_that_ends_before_the_wait_is_suppressed_with_a_reason(connection: sqlite3.Connection) -> None:
    record_transition(connection, "firing", T)
    record_transition(connection, "resolved", T + S, before="firing")
    outbox.queue(connection, T + S)
    assert run_round(connection, T + 60 * S) == []
    assert [row[1] for row in rows(connection)] == ["suppressed", "suppressed"]
    assert all(row[4] for row in rows(connection))


def test_one_message_contains_all_alerts_of_its_group(connection: sqlite3.Connection) -> None:
    record_transition(connection, "firing", T, process="a")
    record_transition(connection, "firing", T + S, process="b")
    record_transition(connection, "firing", T + S, rule="errors", process="a")
    outbox.queue(connection, T + S)
    messages = run_round(connection, T + 40 * S)
    assert sorted(len(message["alerts"]) for message in messages) == [1, 2]
    assert {row[1] for row in rows(connection)} == {"sent"}


def test_a_failure_is_retried_with_the_same_key_and_counted(connection: sqlite3.Connection) -> None:
    record_transition(connection, "firing", T)
    outbox.queue(connection, T)
    [first] = outbox.due_messages(connection, T + 30 * S, "http://dash:8501")
    outbox.record(connection, first[0], Response(503), T + 30 * S)
    assert rows(connection) == [(1, "queued", 1, 503, "The webhook answered 503.")]
    assert outbox.due_messages(connection, T + 30 * S, "http://dash:8501") == []
    [second] = outbox.due_messages(connection, T + 31 * S, "http://dash:8501")
    assert second[1] == first[1]
    outbox.record(connection, second[0], Response(429, retry_after="100"), T + 31 * S)
    assert outbox.due_messages(connection, T + 130 * S, "http://dash:8501") == []
    [third] = outbox.due_messages(connection, T + 131 * S, "http://dash:8501")
    outbox.record(connection, third[0], Response(200), T + 131 * S)
    assert rows(connection) == [(1, "sent", 3, 200, "")]


@pytest.mark.parametrize("response", [Response(404), Response(301), Response(None, "Not allowed.", permanent=True)])
def test_a_permanent_error_is_not_retried(connection: sqlite3.Connection, response: Response) -> None:
    record_transition(connection, "firing", T)
    outbox.queue(connection, T)
    assert len(run_round(connection, T + 30 * S, response)) == 1
    assert [row[1] for row in rows(connection)] == ["failed"]
    assert rows(connection)[0][4]
    assert run_round(connection, T + 1_000 * S) == []


def test_it_is_given_up_after_a_day(connection: sqlite3.Connection) -> None:
    record_transition(connection, "firing", T)
    outbox.queue(connection, T)
    now, tries = T + 30 * S, 0
    while rows(connection)[0][1] == "queued":
        tries += len(run_round(connection, now, Response(500)))
        now = connection.execute("SELECT next_ns FROM delivery_group").fetchone()[0]
    assert rows(connection)[0][1] == "failed"
    assert "Given up" in rows(connection)[0][4]
    assert 290 < tries < 310
    record_transition(connection, "resolved", now, before="firing")
    assert [message["status"] for message in run_round(connection, now)] == ["resolved"]


def test_many_groups_are_sent_in_rounds_with_a_limit_per_webhook(
    connection: sqlite3.Connection,
) -> None:
    webhook_store.remove(connection, "ops")
    for name in ("a", "b"):
        webhook_store.add(connection, replace(WEBHOOK, name=name, group_by=("...",)), T)
    outbox.queue(connection, T)
    for number in range(50):
        record_transition(connection, "firing", T, process=f"{number}")
    outbox.queue(connection, T)
    first = run_round(connection, T + 30 * S)
    assert sorted(message["receiver"] for message in first) == ["a"] * 4 + ["b"] * 4
    while run_round(connection, T + 30 * S):
        pass
    assert {row[1] for row in rows(connection)} == {"sent"}
    assert len(rows(connection)) == 100


def test_groups_forget_deleted_transitions(connection: sqlite3.Connection) -> None:
    record_transition(connection, "firing", T, process="a")
    record_transition(connection, "firing", T, process="b")
    outbox.queue(connection, T)
    connection.execute("DELETE FROM transition WHERE id = 1")
    [message] = run_round(connection, T + 30 * S)
    assert [alert["labels"]["process"] for alert in message["alerts"]] == ["b"]


def test_a_snoozed_rule_is_suppressed_and_sent_when_its_snooze_ends(connection: sqlite3.Connection) -> None:
    ledger.snooze(connection, "stale price", T + 400 * S)
    record_transition(connection, "firing", T)
    outbox.queue(connection, T)
    assert run_round(connection, T + 30 * S) == []
    assert rows(connection) == [(1, "suppressed", 0, None, "Snoozed.")]
    assert run_round(connection, T + 330 * S) == []
    assert len(run_round(connection, T + 630 * S)) == 1
    assert rows(connection) == [(1, "sent", 1, 200, "")]


def test_the_end_of_a_snoozed_alert_is_sent_after_the_snooze(connection: sqlite3.Connection) -> None:
    record_transition(connection, "firing", T)
    outbox.queue(connection, T)
    assert len(run_round(connection, T + 30 * S)) == 1
    ledger.snooze(connection, "stale price", T + 400 * S)
    record_transition(connection, "resolved", T + 60 * S, before="firing")
    assert run_round(connection, T + 330 * S) == []
    assert [message["status"] for message in run_round(connection, T + 630 * S)] == ["resolved"]


def test_a_firing_alert_is_repeated_and_the_log_says_so(connection: sqlite3.Connection) -> None:
    record_transition(connection, "firing", T)
    outbox.queue(connection, T)
    sent = [minute for minute in range(0, 500, 5) if run_round(connection, T + 30 * S + minute * 60 * S)]
    assert sent == [0, 245, 490]
    assert len(rows(connection)) == 1
    assert "Repeated" in rows(connection)[0][4]


def test_flapping_is_sent_once_and_not_at_every_swing(connection: sqlite3.Connection) -> None:
    record_transition(connection, "firing", T)
    outbox.queue(connection, T)
    assert len(run_round(connection, T + 30 * S)) == 1
    record_transition(connection, "flapping", T + 40 * S, before="firing")
    assert run_round(connection, T + 330 * S) == []
    assert [row[1] for row in rows(connection)] == ["sent", "suppressed"]


def swings(connection: sqlite3.Connection, *, ends: str) -> list[tuple[str, str]]:
    """An alert that fires and resolves every ten seconds, and then stays; (status, state) of each message."""
    webhook_store.change(connection, replace(WEBHOOK, group_wait_ns=0, group_interval_ns=S))
    messages = []
    for number in range(21):
        to, before = ("firing", "resolved") if number % 2 == 0 else ("resolved", "firing")
        record_transition(connection, to, T + number * 10 * S, before=before, while_flapping=number > 2)
        if number == 2:
            record_transition(connection, "flapping", T + number * 10 * S, before="firing")
        for late in (0, 5):
            messages += run_round(connection, T + (number * 10 + late) * S)
    if ends == "resolved":
        record_transition(connection, "resolved", T + 210 * S, before="firing", while_flapping=True)
    record_transition(connection, ends, T + 290 * S, before="flapping")
    messages += run_round(connection, T + 290 * S)
    messages += run_round(connection, T + 500 * S)
    return [(message["status"], message["alerts"][0]["annotations"].get("state", "")) for message in messages]


def test_flapping_sends_few_messages_and_its_last_state(connection: sqlite3.Connection) -> None:
    assert swings(connection, ends="resolved") == [
        ("firing", ""),
        ("resolved", ""),
        ("firing", "flapping"),
        ("resolved", ""),
    ]
    assert [row[1:] for row in rows(connection)][-2:] == [("suppressed", 0, None, "Flapping."), ("sent", 1, 200, "")]
    assert sum(row[4] == "Flapping." for row in rows(connection)) == 19


def test_an_alert_that_fires_after_flapping_is_not_sent_again(connection: sqlite3.Connection) -> None:
    assert swings(connection, ends="firing")[2:] == [("firing", "flapping")]
    assert rows(connection)[-1][1:] == ("suppressed", 0, None, "The webhook already has this state.")


def test_a_new_webhook_gets_an_alert_that_flaps(connection: sqlite3.Connection) -> None:
    record_transition(connection, "firing", T)
    record_transition(connection, "flapping", T, before="firing")
    record_transition(connection, "resolved", T + S, before="firing", while_flapping=True)
    webhook_store.add(connection, replace(WEBHOOK, name="late"), T + 2 * S)
    outbox.queue(connection, T + 2 * S)
    messages = [message for message in run_round(connection, T + 60 * S) if message["receiver"] == "late"]
    assert [alert["annotations"]["state"] for message in messages for alert in message["alerts"]] == ["flapping"]


def test_a_new_webhook_gets_the_firing_alerts_and_nothing_older(connection: sqlite3.Connection) -> None:
    record_transition(connection, "firing", T, process="a")
    record_transition(connection, "firing", T, process="b")
    record_transition(connection, "resolved", T + S, before="firing", process="b")
    webhook_store.add(connection, replace(WEBHOOK, name="late"), T + 2 * S)
    outbox.queue(connection, T + 2 * S)
    messages = [message for message in run_round(connection, T + 60 * S) if message["receiver"] == "late"]
    assert [alert["labels"]["process"] for message in messages for alert in message["alerts"]] == ["a"]


def test_webhooks_get_their_own_alerts_and_have_their_own_failures(connection: sqlite3.Connection) -> None:
    webhook_store.add(connection, replace(WEBHOOK, name="critical", severities=("critical",)), T)
    outbox.queue(connection, T)
    record_transition(connection, "firing", T, process="a")
    record_transition(connection, "firing", T, process="b", severity="critical")
    outbox.queue(connection, T)
    for notification, message in outbox.due_messages(connection, T + 30 * S, "http://dash:8501"):
        outbox.record(connection, notification, Response(500 if message.webhook.name == "ops" else 200), T + 30 * S)
    deliveries = connection.execute(
        "SELECT webhook, transition_id, status FROM delivery ORDER BY webhook, transition_id"
    ).fetchall()
    assert deliveries == [("critical", 2, "sent"), ("ops", 1, "queued"), ("ops", 2, "queued")]


def test_an_alert_that_became_less_severe_still_ends_where_it_was_sent(connection: sqlite3.Connection) -> None:
    webhook_store.remove(connection, "ops")
    webhook_store.add(connection, replace(WEBHOOK, severities=("critical",), group_by=("severity",)), T)
    outbox.queue(connection, T)
    record_transition(connection, "firing", T, severity="critical")
    outbox.queue(connection, T)
    assert len(run_round(connection, T + 30 * S)) == 1
    record_transition(connection, "resolved", T + 60 * S, before="firing", severity="warning")
    assert [message["status"] for message in run_round(connection, T + 330 * S)] == ["resolved"]


def test_removing_a_webhook_suppresses_its_queue_and_deletes_its_secrets(connection: sqlite3.Connection) -> None:
    record_transition(connection, "firing", T)
    outbox.queue(connection, T)
    [(notification, _)] = outbox.due_messages(connection, T + 30 * S, "http://dash:8501")
    webhook_store.remove(connection, "ops")
    assert rows(connection) == [(1, "suppressed", 0, None, "The webhook was removed.")]
    outbox.record(connection, notification, Response(503), T + 31 * S)
    assert outbox.due_messages(connection, T + 60 * S, "http://dash:8501") == []
    assert [row[1] for row in rows(connection)] == ["failed"]
    assert "removed" in rows(connection)[0][4]
    assert connection.execute("SELECT count(*) FROM webhook").fetchone() == (0,)
    with pytest.raises(BadParameter):
        webhook_store.remove(connection, "ops")


def test_only_the_owner_can_read_a_ledger_with_webhooks(connection: sqlite3.Connection, tmp_path: Path) -> None:
    assert connection
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


def test_names_are_unique_and_a_change_keeps_secrets_that_are_left_empty(
    connection: sqlite3.Connection,
) -> None:
    with pytest.raises(BadParameter):
        webhook_store.add(connection, WEBHOOK, T)
    webhook_store.change(connection, replace(WEBHOOK, secret="", max_alerts=5))
    assert webhook_store.named(connection, "ops") == replace(WEBHOOK, max_alerts=5)
    with pytest.raises(BadParameter):
        webhook_store.named(connection, "other")


def test_secrets_do_not_follow_a_webhook_to_another_host(connection: sqlite3.Connection) -> None:
    elsewhere = replace(WEBHOOK, url="https://elsewhere.example.com/")
    with pytest.raises(BadParameter):
        webhook_store.change(connection, replace(elsewhere, secret=""))
    webhook_store.change(connection, elsewhere)
    assert webhook_store.named(connection, "ops") == elsewhere


def test_the_allow_list_is_checked_when_a_webhook_is_added(connection: sqlite3.Connection) -> None:
    webhook = replace(WEBHOOK, name="other", url="https://hooks.example.com/x")
    with pytest.raises(BadParameter):
        webhook_store.add(connection, webhook, T, allow=("elsewhere.example.com",))
    webhook_store.add(connection, webhook, T, allow=("*.example.com",))
    webhook_store.add(connection, replace(webhook, name="by-network"), T, allow=("10.0.0.0/8",))
