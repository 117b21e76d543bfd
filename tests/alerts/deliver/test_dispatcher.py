"""Delivery end to end: a real ledger, real receivers, and a real process that is killed."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from obs_core.alerts import ledger
from obs_core.alerts.deliver import dispatcher, http_client, webhook_store
from obs_core.alerts.deliver.faults import WebhookFaults
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.settings import Settings, from_environment
from tests.alerts.deliver.recording import record_transition
from tests.support import alertmanager, receivers
from tests.support.receivers import Receiving, receiver

ROOT = Path(__file__).parents[3]
S = 1_000_000_000
SETTINGS: Settings = from_environment({})
LONG_AGO = 1_700_000_000 * S  # older than any wait, so it is sent at once
KILLS, PER_KILL = 6, 30  # enough that kills fall between a post and its record
PROGRAM = """
import signal, sys, threading
from pathlib import Path
from obs_core.alerts.deliver import dispatcher
from obs_core.settings import from_environment
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
print("following", flush=True)
dispatcher.run(Path(sys.argv[1]), from_environment({}), stop)
"""


def webhook_at(receiving: Receiving, **more: Any) -> Webhook:  # noqa: ANN401 - fields of Receiver
    return Webhook("ops", receiving.url, **{"group_by": ("...",), "group_interval_ns": 2 * S, **more})


def open_connection(folder: Path) -> closing[sqlite3.Connection]:
    return closing(ledger.open_ledger(folder / "t.db"))


def wait_for(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def alerts_of(receiving: Receiving) -> list[tuple[str, str]]:
    """The (process, status) of every alert in every message that came."""
    alerts = [alert for post in list(receiving.posts) for alert in alertmanager.message(post.body)["alerts"]]
    return [(alert["labels"]["process"], alert["status"]) for alert in alerts]


def statuses(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT status FROM delivery ORDER BY transition_id")]


def dispatcher_process(log: Path) -> subprocess.Popen[str]:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(log)], cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout
    assert program.stdout.readline() == "following\n"
    return program


def end(program: subprocess.Popen[str], how: signal.Signals) -> None:
    program.send_signal(how)
    program.wait(60)
    assert program.stdout
    program.stdout.close()


def test_a_round_posts_to_the_webhook_and_records_its_response(tmp_path: Path) -> None:
    with (
        receiver(receivers.answers("200 OK")) as receiving,
        closing(ledger.open_ledger(tmp_path / "t.db")) as connection,
    ):
        webhook_store.add(connection, webhook_at(receiving), LONG_AGO)
        record_transition(connection, "firing", LONG_AGO, process="a")
        assert dispatcher.run_round(connection, SETTINGS) == 1
        assert dispatcher.run_round(connection, SETTINGS) == 0
        assert alerts_of(receiving) == [("a", "firing")]
        assert statuses(connection) == ["sent"]


def test_a_webhook_that_fails_for_a_while_gets_the_message_in_the_end(tmp_path: Path) -> None:
    behave = receivers.answers("503 Later", "429 Slow down\r\nRetry-After: 1", "200 OK")
    with receiver(behave) as receiving, open_connection(tmp_path) as connection:
        webhook_store.add(connection, webhook_at(receiving), LONG_AGO)
        record_transition(connection, "firing", LONG_AGO, process="a")
        wait_for(lambda: dispatcher.run_round(connection, SETTINGS) >= 0 and statuses(connection) == ["sent"])
    assert len(receiving.posts) == 3
    assert len({post.headers["idempotency-key"] for post in receiving.posts}) == 1
    assert len({post.body for post in receiving.posts}) == 1


def test_a_response_is_recorded_while_another_webhook_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "LIMIT_S", 3)
    with (
        receiver(receivers.hangs) as slow,
        receiver(receivers.answers("200 OK")) as quick,
        closing(ledger.open_ledger(tmp_path / "t.db")) as connection,
        closing(ledger.open_ledger(tmp_path / "t.db")) as seen,
    ):
        webhook_store.add(connection, webhook_at(slow), LONG_AGO)
        webhook_store.add(connection, replace(webhook_at(quick), name="quick"), LONG_AGO)
        record_transition(connection, "firing", LONG_AGO, process="a")
        delivering = threading.Thread(target=dispatcher.run_round, args=(connection, SETTINGS))
        delivering.start()
        wait_for(lambda: "sent" in statuses(seen))
        assert delivering.is_alive()
        delivering.join()
        assert sorted(statuses(connection)) == ["queued", "sent"]


def test_a_test_message_says_that_it_is_one_and_is_not_recorded(tmp_path: Path) -> None:
    with (
        receiver(receivers.answers("200 OK")) as receiving,
        closing(ledger.open_ledger(tmp_path / "t.db")) as connection,
    ):
        assert dispatcher.send_test(webhook_at(receiving), SETTINGS, LONG_AGO).status == 200
        assert statuses(connection) == []
    message = alertmanager.message(receiving.posts[0].body)
    assert message["version"] == "4"
    assert message["commonLabels"]["alertname"] == "Test"


def test_the_loop_sends_new_transitions_and_stops_on_a_signal(tmp_path: Path) -> None:
    log = tmp_path / "t.db"
    with receiver(receivers.answers("200 OK")) as receiving, closing(ledger.open_ledger(log)) as connection:
        webhook_store.add(connection, webhook_at(receiving), LONG_AGO)
        program = dispatcher_process(log)
        record_transition(connection, "firing", LONG_AGO, process="a")
        wait_for(lambda: statuses(connection) == ["sent"])
        end(program, signal.SIGTERM)
        assert program.returncode == 0
        assert alerts_of(receiving) == [("a", "firing")]


def test_background_delivery_runs_from_the_first_tick_to_the_end_of_the_block(tmp_path: Path) -> None:
    log = tmp_path / "t.db"
    with receiver(receivers.answers("200 OK")) as receiving, closing(ledger.open_ledger(log)) as connection:
        webhook_store.add(connection, webhook_at(receiving), LONG_AGO)
        record_transition(connection, "firing", LONG_AGO, process="a")
        with dispatcher.deliver_in_background(SETTINGS) as after_tick:
            time.sleep(0.5)
            assert receiving.posts == []
            after_tick(log, LONG_AGO)
            after_tick(log, LONG_AGO)
            wait_for(lambda: statuses(connection) == ["sent"])
        record_transition(connection, "firing", LONG_AGO, process="b")
        time.sleep(0.5)
        assert alerts_of(receiving) == [("a", "firing")]
        assert "obs-deliver" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("damage", ["config = '{'", "config = '{\"name\": 1}'", "config = '[]'"])
def test_a_webhook_that_can_not_be_read_is_named_and_the_others_get_their_messages(tmp_path: Path, damage: str) -> None:
    with receiver(receivers.answers("200 OK")) as receiving, open_connection(tmp_path) as connection:
        for name in ("a", "ops", "z"):
            webhook_store.add(connection, replace(webhook_at(receiving), name=name), LONG_AGO)
        connection.execute(f"UPDATE webhook SET {damage} WHERE name = 'a'")
        record_transition(connection, "firing", LONG_AGO, process="p")
        faults = WebhookFaults()
        assert dispatcher.run_round(connection, SETTINGS, faults=faults) == 2
        assert [*faults.texts] == ["a"]
        assert "“a” gets no notifications" in faults.texts["a"]
        connection.execute("UPDATE delivery_group SET state = '{}', next_ns = 0 WHERE webhook = 'ops'")
        record_transition(connection, "firing", LONG_AGO, process="q")
        faults = WebhookFaults()
        wait_for(lambda: dispatcher.run_round(connection, SETTINGS, faults=faults) == 1)
        assert [*faults.texts] == ["a", "ops"]
        webhook_store.remove(connection, "a")
        assert [webhook.name for webhook in webhook_store.listed(connection)] == ["ops", "z"]


def test_a_kill_before_the_response_sends_the_same_message_again_with_the_same_key(tmp_path: Path) -> None:
    log = tmp_path / "t.db"
    with receiver(receivers.hangs_once) as receiving, closing(ledger.open_ledger(log)) as connection:
        webhook_store.add(connection, webhook_at(receiving), LONG_AGO)
        record_transition(connection, "firing", LONG_AGO, process="a")
        program = dispatcher_process(log)
        wait_for(lambda: len(receiving.posts) == 1)
        end(program, signal.SIGKILL)
        assert statuses(connection) == ["queued"]
        program = dispatcher_process(log)
        wait_for(lambda: statuses(connection) == ["sent"])
        end(program, signal.SIGTERM)
        first, second = receiving.posts
        assert first.body == second.body
        assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


def test_errors_of_the_ledger_are_survived_and_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dispatcher, "_ERROR_PAUSE_S", 0.02)
    stop = threading.Event()
    with (
        receiver(receivers.answers("200 OK")) as receiving,
        closing(ledger.open_ledger(tmp_path / "t.db")) as connection,
    ):
        webhook_store.add(connection, webhook_at(receiving), LONG_AGO)
        record_transition(connection, "firing", LONG_AGO, process="a")
        connection.execute("ALTER TABLE snooze RENAME TO away")
        following = threading.Thread(target=dispatcher.run, args=(tmp_path / "t.db", SETTINGS, stop))
        following.start()
        wait_for(lambda: "Delivery is paused" in caplog.text)
        time.sleep(0.2)
        connection.execute("ALTER TABLE away RENAME TO snooze")
        wait_for(lambda: statuses(connection) == ["sent"])
        stop.set()
        following.join(30)
        assert not following.is_alive()
    assert caplog.text.count("Delivery is paused") == 1


def test_kills_lose_no_transition_and_none_with_a_recorded_response_is_sent_twice(tmp_path: Path) -> None:
    log, chance = tmp_path / "t.db", random.Random(7)  # noqa: S311 - times in a test
    with receiver(receivers.answers("200 OK")) as receiving, closing(ledger.open_ledger(log)) as connection:
        webhook_store.add(connection, webhook_at(receiving), LONG_AGO)
        recorded: dict[str, int] = {}
        for kill in range(KILLS):
            for number in range(PER_KILL):
                record_transition(connection, "firing", LONG_AGO + number, process=f"{kill}-{number}")
            program = dispatcher_process(log)
            before = len(receiving.posts)
            wait_for(lambda: len(receiving.posts) > before)  # noqa: B023 - called at once
            time.sleep(chance.uniform(0, 0.4))
            end(program, signal.SIGKILL)
            count = Counter(process for process, _ in alerts_of(receiving))
            for process, times in recorded.items():
                assert count[process] == times  # recorded before this run: not sent in it
            sent = connection.execute(
                "SELECT labels FROM transition JOIN delivery ON transition_id = transition.id WHERE status = 'sent'"
            )
            recorded = {process: count[process] for process in (json.loads(row[0])["process"] for row in sent)}
        program = dispatcher_process(log)
        wait_for(lambda: set(statuses(connection)) == {"sent"})
        end(program, signal.SIGTERM)
        count = Counter(process for process, _ in alerts_of(receiving))
        assert set(count) == {f"{kill}-{number}" for kill in range(KILLS) for number in range(PER_KILL)}
        assert len(statuses(connection)) == KILLS * PER_KILL
        keys: dict[str, set[str]] = {}
        for post in receiving.posts:
            process = alertmanager.message(post.body)["alerts"][0]["labels"]["process"]
            keys.setdefault(process, set()).add(post.headers["idempotency-key"])
        assert all(len(distinct) == 1 for distinct in keys.values())  # a receiver can recognize repetitions
