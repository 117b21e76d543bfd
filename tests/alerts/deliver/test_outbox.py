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
from obs_core.alerts.deliver.retry import Answer
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.errors import BadParameter
from tests.alerts.deliver.flipping import flip
from tests.support import alertmanager

S = 1_000_000_000
T = 1_767_225_600 * S
HOOK = Webhook("ops", "http://127.0.0.1:9/hook", secret="zebra")  # noqa: S106 - a secret of the test


@pytest.fixture
def book(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(ledger.open_ledger(tmp_path / "trace.db")) as book:
        webhook_store.add(book, HOOK, T)
        outbox.queue(book, T)
        yield book


def rows(book: sqlite3.Connection) -> list[tuple[int, str, int, int | None, str]]:
    return book.execute("SELECT flip_id, status, attempts, response_status, error FROM delivery ORDER BY id").fetchall()


def turn(book: sqlite3.Connection, now: int, answer: Answer = Answer(200)) -> list[dict[str, Any]]:  # noqa: B008
    """One round in which every message gets `answer`; the messages."""
    outbox.queue(book, now)
    due = outbox.ready(book, now, "http://dash:8501")
    for each in due:
        outbox.record(book, each, answer, now)
    return [alertmanager.message(each.message.body) for each in due]


def test_a_flip_is_queued_once_and_sent_after_the_wait(book: sqlite3.Connection) -> None:
    flip(book, "firing", T, before="pending")
    assert turn(book, T) == turn(book, T + 29 * S) == []
    assert rows(book) == [(1, "queued", 0, None, "")]
    [message] = turn(book, T + 30 * S)
    assert rows(book) == [(1, "sent", 1, 200, "")]
    assert turn(book, T + 31 * S) == turn(book, T + 330 * S) == []
    [alert] = message["alerts"]
    assert message["groupKey"] == '{}:{alertname="stale price"}'
    assert message["receiver"] == "ops"
    assert alert["labels"] == {"alertname": "stale price", "process": "feed", "severity": "warning"}
    assert alert["annotations"] == {"summary": "equal for long", "value": "1.5"}
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z")
    assert alert["generatorURL"] == "http://dash:8501/alerts?a_rule=stale%20price"
    flipped = ledger.transitions(book)[0][1]
    assert alert["fingerprint"] == flipped.fingerprint


def test_the_end_is_told_with_the_same_fingerprint_and_its_moment(book: sqlite3.Connection) -> None:
    flip(book, "firing", T)
    outbox.queue(book, T)
    [fired] = turn(book, T + 30 * S)
    flip(book, "resolved", T + 60 * S, before="firing", starts_ns=T)
    [ended] = turn(book, T + 330 * S)
    assert ended["status"] == "resolved"
    assert ended["alerts"][0]["endsAt"] == "2026-01-01T00:01:00Z"
    assert ended["alerts"][0]["startsAt"] == fired["alerts"][0]["startsAt"]
    assert ended["alerts"][0]["fingerprint"] == fired["alerts"][0]["fingerprint"]
    assert [row[1] for row in rows(book)] == ["sent", "sent"]
    assert book.execute("SELECT count(*) FROM delivery_group").fetchone() == (0,)


def test_what_nobody_is_told_is_not_queued(book: sqlite3.Connection) -> None:
    flip(book, "pending", T)
    flip(book, "inactive", T + S, before="pending")
    assert turn(book, T + 60 * S) == []
    assert rows(book) == []


def test_what_is_over_before_the_wait_ends_is_suppressed_and_says_why(book: sqlite3.Connection) -> None:
    flip(book, "firing", T)
    flip(book, "resolved", T + S, before="firing")
    outbox.queue(book, T + S)
    assert turn(book, T + 60 * S) == []
    assert [row[1] for row in rows(book)] == ["suppressed", "suppressed"]
    assert all(row[4] for row in rows(book))


def test_one_message_tells_all_that_came_in_its_group(book: sqlite3.Connection) -> None:
    flip(book, "firing", T, process="a")
    flip(book, "firing", T + S, process="b")
    flip(book, "firing", T + S, rule="errors", process="a")
    outbox.queue(book, T + S)
    messages = turn(book, T + 40 * S)
    assert sorted(len(message["alerts"]) for message in messages) == [1, 2]
    assert {row[1] for row in rows(book)} == {"sent"}


def test_a_failure_is_tried_again_with_the_same_key_and_counted(book: sqlite3.Connection) -> None:
    flip(book, "firing", T)
    outbox.queue(book, T)
    [first] = outbox.ready(book, T + 30 * S, "http://dash:8501")
    outbox.record(book, first, Answer(503), T + 30 * S)
    assert rows(book) == [(1, "queued", 1, 503, "The receiver answered 503.")]
    assert outbox.ready(book, T + 30 * S, "http://dash:8501") == []
    [second] = outbox.ready(book, T + 31 * S, "http://dash:8501")
    assert second.message == first.message
    outbox.record(book, second, Answer(429, retry_after="100"), T + 31 * S)
    assert outbox.ready(book, T + 130 * S, "http://dash:8501") == []
    [third] = outbox.ready(book, T + 131 * S, "http://dash:8501")
    outbox.record(book, third, Answer(200), T + 131 * S)
    assert rows(book) == [(1, "sent", 3, 200, "")]


@pytest.mark.parametrize("answer", [Answer(404), Answer(301), Answer(None, "Not allowed.", permanent=True)])
def test_a_permanent_error_is_not_tried_again(book: sqlite3.Connection, answer: Answer) -> None:
    flip(book, "firing", T)
    outbox.queue(book, T)
    assert len(turn(book, T + 30 * S, answer)) == 1
    assert [row[1] for row in rows(book)] == ["failed"]
    assert rows(book)[0][4]
    assert turn(book, T + 1_000 * S) == []


def test_it_is_given_up_after_a_day(book: sqlite3.Connection) -> None:
    flip(book, "firing", T)
    outbox.queue(book, T)
    now, tries = T + 30 * S, 0
    while rows(book)[0][1] == "queued":
        tries += len(turn(book, now, Answer(500)))
        now = book.execute("SELECT next_ns FROM delivery_group").fetchone()[0]
    assert rows(book)[0][1] == "failed"
    assert "Given up" in rows(book)[0][4]
    assert 290 < tries < 310
    flip(book, "resolved", now, before="firing")
    assert [message["status"] for message in turn(book, now)] == ["resolved"]


def test_many_groups_are_told_in_rounds_and_a_webhook_takes_no_more_than_its_places(book: sqlite3.Connection) -> None:
    webhook_store.remove(book, "ops")
    for name in ("a", "b"):
        webhook_store.add(book, replace(HOOK, name=name, group_by=("...",)), T)
    outbox.queue(book, T)
    for number in range(50):
        flip(book, "firing", T, process=f"{number}")
    outbox.queue(book, T)
    first = turn(book, T + 30 * S)
    assert sorted(message["receiver"] for message in first) == ["a"] * 4 + ["b"] * 4
    while turn(book, T + 30 * S):
        pass
    assert {row[1] for row in rows(book)} == {"sent"}
    assert len(rows(book)) == 100


def test_flips_that_are_no_longer_kept_are_forgotten_by_their_groups(book: sqlite3.Connection) -> None:
    flip(book, "firing", T, process="a")
    flip(book, "firing", T, process="b")
    outbox.queue(book, T)
    book.execute("DELETE FROM flip WHERE id = 1")
    [message] = turn(book, T + 30 * S)
    assert [alert["labels"]["process"] for alert in message["alerts"]] == ["b"]


def test_a_snoozed_rule_is_suppressed_and_told_when_its_snooze_ends(book: sqlite3.Connection) -> None:
    ledger.snooze(book, "stale price", T + 400 * S)
    flip(book, "firing", T)
    outbox.queue(book, T)
    assert turn(book, T + 30 * S) == []
    assert rows(book) == [(1, "suppressed", 0, None, "Snoozed.")]
    assert turn(book, T + 330 * S) == []
    assert len(turn(book, T + 630 * S)) == 1
    assert rows(book) == [(1, "sent", 1, 200, "")]


def test_the_end_of_a_snoozed_alert_is_told_after_the_snooze(book: sqlite3.Connection) -> None:
    flip(book, "firing", T)
    outbox.queue(book, T)
    assert len(turn(book, T + 30 * S)) == 1
    ledger.snooze(book, "stale price", T + 400 * S)
    flip(book, "resolved", T + 60 * S, before="firing")
    assert turn(book, T + 330 * S) == []
    assert [message["status"] for message in turn(book, T + 630 * S)] == ["resolved"]


def test_while_it_fires_it_is_repeated_and_the_log_says_so(book: sqlite3.Connection) -> None:
    flip(book, "firing", T)
    outbox.queue(book, T)
    sent = [minute for minute in range(0, 500, 5) if turn(book, T + 30 * S + minute * 60 * S)]
    assert sent == [0, 245, 490]
    assert len(rows(book)) == 1
    assert "Repeated" in rows(book)[0][4]


def test_flapping_is_told_once_and_not_at_every_swing(book: sqlite3.Connection) -> None:
    flip(book, "firing", T)
    outbox.queue(book, T)
    assert len(turn(book, T + 30 * S)) == 1
    flip(book, "flapping", T + 40 * S, before="firing")
    assert turn(book, T + 330 * S) == []
    assert [row[1] for row in rows(book)] == ["sent", "suppressed"]


def swings(book: sqlite3.Connection, *, ends: str) -> list[tuple[str, str]]:
    """An alert that fires and resolves every ten seconds, and then stays; (status, state) of each message."""
    webhook_store.change(book, replace(HOOK, group_wait_ns=0, group_interval_ns=S))
    told = []
    for number in range(21):
        to, before = ("firing", "resolved") if number % 2 == 0 else ("resolved", "firing")
        flip(book, to, T + number * 10 * S, before=before, while_flapping=number > 2)
        if number == 2:
            flip(book, "flapping", T + number * 10 * S, before="firing")
        for late in (0, 5):
            told += turn(book, T + (number * 10 + late) * S)
    if ends == "resolved":
        flip(book, "resolved", T + 210 * S, before="firing", while_flapping=True)
    flip(book, ends, T + 290 * S, before="flapping")
    told += turn(book, T + 290 * S)
    told += turn(book, T + 500 * S)
    return [(message["status"], message["alerts"][0]["annotations"].get("state", "")) for message in told]


def test_flapping_is_no_storm_and_its_last_state_is_told(book: sqlite3.Connection) -> None:
    assert swings(book, ends="resolved") == [
        ("firing", ""),
        ("resolved", ""),
        ("firing", "flapping"),
        ("resolved", ""),
    ]
    assert [row[1:] for row in rows(book)][-2:] == [("suppressed", 0, None, "Flapping."), ("sent", 1, 200, "")]
    assert sum(row[4] == "Flapping." for row in rows(book)) == 19


def test_an_alert_that_ends_its_flapping_firing_is_not_told_again(book: sqlite3.Connection) -> None:
    assert swings(book, ends="firing")[2:] == [("firing", "flapping")]
    assert rows(book)[-1][1:] == ("suppressed", 0, None, "The receiver was told the same before.")


def test_a_new_webhook_is_told_of_an_alert_that_flaps(book: sqlite3.Connection) -> None:
    flip(book, "firing", T)
    flip(book, "flapping", T, before="firing")
    flip(book, "resolved", T + S, before="firing", while_flapping=True)
    webhook_store.add(book, replace(HOOK, name="late"), T + 2 * S)
    outbox.queue(book, T + 2 * S)
    told = [message for message in turn(book, T + 60 * S) if message["receiver"] == "late"]
    assert [alert["annotations"]["state"] for message in told for alert in message["alerts"]] == ["flapping"]


def test_a_new_webhook_is_told_what_fires_now_and_nothing_older(book: sqlite3.Connection) -> None:
    flip(book, "firing", T, process="a")
    flip(book, "firing", T, process="b")
    flip(book, "resolved", T + S, before="firing", process="b")
    webhook_store.add(book, replace(HOOK, name="late"), T + 2 * S)
    outbox.queue(book, T + 2 * S)
    told = [message for message in turn(book, T + 60 * S) if message["receiver"] == "late"]
    assert [alert["labels"]["process"] for message in told for alert in message["alerts"]] == ["a"]


def test_each_webhook_is_told_what_it_asks_for_and_its_failures_are_its_own(book: sqlite3.Connection) -> None:
    webhook_store.add(book, replace(HOOK, name="critical", severities=("critical",)), T)
    outbox.queue(book, T)
    flip(book, "firing", T, process="a")
    flip(book, "firing", T, process="b", severity="critical")
    outbox.queue(book, T)
    for each in outbox.ready(book, T + 30 * S, "http://dash:8501"):
        outbox.record(book, each, Answer(500 if each.kept.receiver == "ops" else 200), T + 30 * S)
    found = book.execute("SELECT receiver, flip_id, status FROM delivery ORDER BY receiver, flip_id").fetchall()
    assert found == [("critical", 2, "sent"), ("ops", 1, "queued"), ("ops", 2, "queued")]


def test_an_alert_that_became_less_severe_still_ends_where_it_was_told(book: sqlite3.Connection) -> None:
    webhook_store.remove(book, "ops")
    webhook_store.add(book, replace(HOOK, severities=("critical",), group_by=("severity",)), T)
    outbox.queue(book, T)
    flip(book, "firing", T, severity="critical")
    outbox.queue(book, T)
    assert len(turn(book, T + 30 * S)) == 1
    flip(book, "resolved", T + 60 * S, before="firing", severity="warning")
    assert [message["status"] for message in turn(book, T + 330 * S)] == ["resolved"]


def test_removing_a_webhook_suppresses_what_waits_and_forgets_its_secrets(book: sqlite3.Connection) -> None:
    flip(book, "firing", T)
    outbox.queue(book, T)
    [due] = outbox.ready(book, T + 30 * S, "http://dash:8501")
    webhook_store.remove(book, "ops")
    assert rows(book) == [(1, "suppressed", 0, None, "The webhook was removed.")]
    outbox.record(book, due, Answer(503), T + 31 * S)
    assert outbox.ready(book, T + 60 * S, "http://dash:8501") == []
    assert [row[1] for row in rows(book)] == ["failed"]
    assert "removed" in rows(book)[0][4]
    assert book.execute("SELECT count(*) FROM webhook").fetchone() == (0,)
    with pytest.raises(BadParameter):
        webhook_store.remove(book, "ops")


def test_the_ledger_is_its_owners_alone_once_it_holds_a_secret(book: sqlite3.Connection, tmp_path: Path) -> None:
    assert book
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


def test_a_name_is_taken_once_and_a_change_keeps_secrets_that_are_not_given_again(book: sqlite3.Connection) -> None:
    with pytest.raises(BadParameter):
        webhook_store.add(book, HOOK, T)
    webhook_store.change(book, replace(HOOK, secret="", max_alerts=5))
    assert webhook_store.named(book, "ops") == replace(HOOK, max_alerts=5)
    with pytest.raises(BadParameter):
        webhook_store.named(book, "other")


def test_secrets_do_not_follow_a_webhook_to_another_host(book: sqlite3.Connection) -> None:
    elsewhere = replace(HOOK, url="https://elsewhere.example.com/")
    with pytest.raises(BadParameter):
        webhook_store.change(book, replace(elsewhere, secret=""))
    webhook_store.change(book, elsewhere)
    assert webhook_store.named(book, "ops") == elsewhere


def test_the_allow_list_is_asked_when_a_webhook_is_added(book: sqlite3.Connection) -> None:
    hook = replace(HOOK, name="other", url="https://hooks.example.com/x")
    with pytest.raises(BadParameter):
        webhook_store.add(book, hook, T, allow=("elsewhere.example.com",))
    webhook_store.add(book, hook, T, allow=("*.example.com",))
    webhook_store.add(book, replace(hook, name="by-network"), T, allow=("10.0.0.0/8",))
