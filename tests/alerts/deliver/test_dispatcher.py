"""Delivery as it runs: a real ledger, real receivers, and a real process that is killed."""

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
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.settings import Settings, from_environment
from tests.alerts.deliver.flipping import flip
from tests.support import alertmanager, receivers
from tests.support.receivers import Receiving, receiver

ROOT = Path(__file__).parents[3]
S = 1_000_000_000
SETTINGS: Settings = from_environment({})
LONG_AGO = 1_700_000_000 * S  # older than any wait, so it is told at once
KILLS, EACH = 6, 30  # enough that kills fall between a post and its record
FOLLOW = """
import signal, sys, threading
from pathlib import Path
from obs_core.alerts.deliver import dispatcher
from obs_core.settings import from_environment
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
print("following", flush=True)
dispatcher.follow(Path(sys.argv[1]), from_environment({}), stop)
"""


def hook(receiving: Receiving, **more: Any) -> Webhook:  # noqa: ANN401 - fields of Receiver
    return Webhook("ops", receiving.url, **{"group_by": ("...",), "group_interval_ns": 2 * S, **more})


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def told(receiving: Receiving) -> list[tuple[str, str]]:
    """The (process, status) of every alert in every message that came."""
    alerts = [alert for post in list(receiving.posts) for alert in alertmanager.message(post.body)["alerts"]]
    return [(alert["labels"]["process"], alert["status"]) for alert in alerts]


def statuses(book: sqlite3.Connection) -> list[str]:
    return [row[0] for row in book.execute("SELECT status FROM delivery ORDER BY flip_id")]


def follower(log: Path) -> subprocess.Popen[str]:
    program = subprocess.Popen(
        [sys.executable, "-c", FOLLOW, str(log)], cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout
    assert program.stdout.readline() == "following\n"
    return program


def end(program: subprocess.Popen[str], how: signal.Signals) -> None:
    program.send_signal(how)
    program.wait(60)
    assert program.stdout
    program.stdout.close()


def test_a_round_tells_the_receiver_and_records_its_answer(tmp_path: Path) -> None:
    with receiver(receivers.answers("200 OK")) as receiving, closing(ledger.open_ledger(tmp_path / "t.db")) as book:
        webhook_store.add(book, hook(receiving), LONG_AGO)
        flip(book, "firing", LONG_AGO, process="a")
        assert dispatcher.round_(book, SETTINGS) == 1
        assert dispatcher.round_(book, SETTINGS) == 0
        assert told(receiving) == [("a", "firing")]
        assert statuses(book) == ["sent"]


def test_a_receiver_that_fails_for_a_while_is_told_in_the_end(tmp_path: Path) -> None:
    behave = receivers.answers("503 Later", "429 Slow down\r\nRetry-After: 1", "200 OK")
    with receiver(behave) as receiving, closing(ledger.open_ledger(tmp_path / "t.db")) as book:
        webhook_store.add(book, hook(receiving), LONG_AGO)
        flip(book, "firing", LONG_AGO, process="a")
        until(lambda: dispatcher.round_(book, SETTINGS) >= 0 and statuses(book) == ["sent"])
    assert len(receiving.posts) == 3
    assert len({post.headers["idempotency-key"] for post in receiving.posts}) == 1
    assert len({post.body for post in receiving.posts}) == 1


def test_an_answer_is_recorded_while_another_receiver_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "LIMIT_S", 3)
    with (
        receiver(receivers.hangs) as slow,
        receiver(receivers.answers("200 OK")) as quick,
        closing(ledger.open_ledger(tmp_path / "t.db")) as book,
        closing(ledger.open_ledger(tmp_path / "t.db")) as seen,
    ):
        webhook_store.add(book, hook(slow), LONG_AGO)
        webhook_store.add(book, replace(hook(quick), name="quick"), LONG_AGO)
        flip(book, "firing", LONG_AGO, process="a")
        turning = threading.Thread(target=dispatcher.round_, args=(book, SETTINGS))
        turning.start()
        until(lambda: "sent" in statuses(seen))
        assert turning.is_alive()
        turning.join()
        assert sorted(statuses(book)) == ["queued", "sent"]


def test_a_trial_message_says_that_it_is_one_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with receiver(receivers.answers("200 OK")) as receiving, closing(ledger.open_ledger(tmp_path / "t.db")) as book:
        assert dispatcher.send_test(hook(receiving), SETTINGS, LONG_AGO).status == 200
        assert statuses(book) == []
    message = alertmanager.message(receiving.posts[0].body)
    assert message["version"] == "4"
    assert message["commonLabels"]["alertname"] == "Test"


def test_following_sees_new_flips_and_stops_when_it_is_told_to(tmp_path: Path) -> None:
    log = tmp_path / "t.db"
    with receiver(receivers.answers("200 OK")) as receiving, closing(ledger.open_ledger(log)) as book:
        webhook_store.add(book, hook(receiving), LONG_AGO)
        program = follower(log)
        flip(book, "firing", LONG_AGO, process="a")
        until(lambda: statuses(book) == ["sent"])
        end(program, signal.SIGTERM)
        assert program.returncode == 0
        assert told(receiving) == [("a", "firing")]


def test_beside_a_watcher_messages_go_out_from_its_first_tick_until_its_end(tmp_path: Path) -> None:
    log = tmp_path / "t.db"
    with receiver(receivers.answers("200 OK")) as receiving, closing(ledger.open_ledger(log)) as book:
        webhook_store.add(book, hook(receiving), LONG_AGO)
        flip(book, "firing", LONG_AGO, process="a")
        with dispatcher.beside(SETTINGS) as after_tick:
            time.sleep(0.5)
            assert receiving.posts == []
            after_tick(log, LONG_AGO)
            after_tick(log, LONG_AGO)
            until(lambda: statuses(book) == ["sent"])
        flip(book, "firing", LONG_AGO, process="b")
        time.sleep(0.5)
        assert told(receiving) == [("a", "firing")]
        assert "obs-deliver" not in {thread.name for thread in threading.enumerate()}


def test_a_kill_before_the_answer_sends_the_same_message_again_with_the_same_key(tmp_path: Path) -> None:
    log = tmp_path / "t.db"
    with receiver(receivers.hangs_once) as receiving, closing(ledger.open_ledger(log)) as book:
        webhook_store.add(book, hook(receiving), LONG_AGO)
        flip(book, "firing", LONG_AGO, process="a")
        program = follower(log)
        until(lambda: len(receiving.posts) == 1)
        end(program, signal.SIGKILL)
        assert statuses(book) == ["queued"]
        program = follower(log)
        until(lambda: statuses(book) == ["sent"])
        end(program, signal.SIGTERM)
        first, second = receiving.posts
        assert first.body == second.body
        assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


def test_trouble_with_the_ledger_is_outlived_and_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dispatcher, "_AFTER_TROUBLE_S", 0.02)
    stop = threading.Event()
    with receiver(receivers.answers("200 OK")) as receiving, closing(ledger.open_ledger(tmp_path / "t.db")) as book:
        webhook_store.add(book, hook(receiving), LONG_AGO)
        flip(book, "firing", LONG_AGO, process="a")
        book.execute("ALTER TABLE snooze RENAME TO away")
        following = threading.Thread(target=dispatcher.follow, args=(tmp_path / "t.db", SETTINGS, stop))
        following.start()
        until(lambda: "Messages wait" in caplog.text)
        time.sleep(0.2)
        book.execute("ALTER TABLE away RENAME TO snooze")
        until(lambda: statuses(book) == ["sent"])
        stop.set()
        following.join(30)
        assert not following.is_alive()
    assert caplog.text.count("Messages wait") == 1


def test_no_flip_is_lost_by_kills_and_none_is_told_twice_whose_answer_was_recorded(tmp_path: Path) -> None:
    log, chance = tmp_path / "t.db", random.Random(7)  # noqa: S311 - moments of a test
    with receiver(receivers.answers("200 OK")) as receiving, closing(ledger.open_ledger(log)) as book:
        webhook_store.add(book, hook(receiving), LONG_AGO)
        recorded: dict[str, int] = {}
        for kill in range(KILLS):
            for number in range(EACH):
                flip(book, "firing", LONG_AGO + number, process=f"{kill}-{number}")
            program = follower(log)
            before = len(receiving.posts)
            until(lambda: len(receiving.posts) > before)  # noqa: B023 - called at once
            time.sleep(chance.uniform(0, 0.4))
            end(program, signal.SIGKILL)
            count = Counter(process for process, _ in told(receiving))
            for process, times in recorded.items():
                assert count[process] == times  # recorded before this run: not told in it
            sent = book.execute("SELECT labels FROM flip JOIN delivery ON flip_id = flip.id WHERE status = 'sent'")
            recorded = {process: count[process] for process in (json.loads(row[0])["process"] for row in sent)}
        program = follower(log)
        until(lambda: set(statuses(book)) == {"sent"})
        end(program, signal.SIGTERM)
        count = Counter(process for process, _ in told(receiving))
        assert set(count) == {f"{kill}-{number}" for kill in range(KILLS) for number in range(EACH)}
        assert len(statuses(book)) == KILLS * EACH
        keys: dict[str, set[str]] = {}
        for post in receiving.posts:
            process = alertmanager.message(post.body)["alerts"][0]["labels"]["process"]
            keys.setdefault(process, set()).add(post.headers["idempotency-key"])
        assert all(len(each) == 1 for each in keys.values())  # a receiver can tell what was told twice
