"""Simulation compared with delivery: a backtest counts the messages that a real receiver is sent for the same rows."""

import random
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from obs_core.alerts import backtest, ledger
from obs_core.alerts.deliver import dispatcher, simulation, webhook_store
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.alerts.rules import parsing, sources
from obs_core.clock import DAY, HOUR, MINUTE, SECOND, Window
from obs_core.model import Row
from obs_core.settings import from_environment
from obs_core.watch.follower import Follower
from tests.support import alertmanager, receivers, table

START = table.START_NS
CALM_S = 420  # longer than the end of flapping and a group interval
HOT = {"name": "hot", "kind": "value", "above": 5, "data": "heat"}


class Sent(NamedTuple):
    """One message to a webhook: when, and how many alerts fire and are over."""

    webhook: str
    second: int
    firing: int
    resolved: int


def webhooks(url: str) -> list[Webhook]:
    """Webhooks with different waits, groups, repeats and matchers."""
    quick = {"group_wait_ns": 0, "group_interval_ns": SECOND}
    often = {"group_wait_ns": 5 * SECOND, "group_interval_ns": 10 * SECOND}
    return [
        Webhook("usual", url),
        Webhook("quick", url, **quick),  # type: ignore[arg-type]
        Webhook("alone", url, group_by=("...",), **often),  # type: ignore[arg-type]
        Webhook("no-ends", url, send_resolved=False, **often),  # type: ignore[arg-type]
        Webhook("repeats", url, repeat_interval_ns=40 * SECOND, **often),  # type: ignore[arg-type]
        Webhook("few", url, labels={"process": "a"}, **quick),  # type: ignore[arg-type]
        Webhook("nothing", url, severities=("critical",)),
    ]


def reading(second: int, process: str, text: str, data: str = "heat") -> Row:
    return Row("value", process, data, START + second * SECOND, data_type="int", data_value=text)


def swinging(chance: random.Random) -> list[Row]:
    """Two processes that swing quickly for a while, and slowly for a while, and then are calm."""
    rows = []
    for process in ("a", "b"):
        second, texts = chance.randrange(10), ("9", "1")
        for gaps in ((3, 9), (40, 130), (5, 30)):
            for swing in range(chance.randrange(3, 9)):
                rows.append(reading(second, process, texts[swing % 2]))
                second += chance.randrange(*gaps)
        rows.append(reading(second, process, chance.choice(texts)))
    end = max(row.timestamp for row in rows) - START
    return [*rows, reading(end // SECOND + CALM_S, "clock", "0", "tick")]


def delivered(log: Path, rows: Sequence[Row]) -> list[Sent]:
    """What a real receiver is sent when the rows come one after the other and a watcher runs every second."""
    sent: list[Sent] = []
    coming = sorted(rows, key=lambda row: row.timestamp)
    with (
        receivers.receiver(receivers.answers("200 OK")) as receiving,
        closing(ledger.open_ledger(log)) as connection,
        closing(Follower(log)) as follower,
    ):
        for webhook in webhooks(receiving.url):
            webhook_store.add(connection, webhook, START)
        sources.add(connection, log, parsing.parse_rule(HOT), START)
        for second in range((coming[-1].timestamp - START) // SECOND + 1):
            now = START + second * SECOND
            table.store(log, [row for row in coming if row.timestamp == now])
            follower.tick(now + 1)
            while dispatcher.run_round(connection, from_environment({}), lambda now=now: now):  # type: ignore[misc]
                pass
            messages = [alertmanager.message(post.body) for post in receiving.posts]
            receiving.posts.clear()
            for message in messages:
                statuses = [alert["status"] for alert in message["alerts"]]
                counts = (statuses.count("firing"), statuses.count("resolved"))
                sent.append(Sent(message["receiver"], second, *counts))
    return sent


def simulated(log: Path) -> tuple[backtest.BacktestResult, list[Sent]]:
    past = backtest.backtest(log, parsing.parse_rule(HOT), Window(START - DAY, START + DAY))
    return past, [
        Sent(webhook.name, (message.time_ns - START) // SECOND, message.firing, message.resolved)
        for webhook in webhooks("http://127.0.0.1:9/")
        for message in past.messages(webhook)
    ]


@pytest.mark.parametrize("seed", range(2))
def test_a_backtest_countsthe_messages_that_a_real_receiver_is_sent(tmp_path: Path, seed: int) -> None:
    log = tmp_path / "trace.db"
    table.store(log, [])
    sent = delivered(log, swinging(random.Random(seed)))  # noqa: S311 - random data of a test
    past, expected = simulated(log)
    assert sorted(expected) == sorted(sent)
    assert past.flapping
    counts = {name: sum(message.webhook == name for message in sent) for name in ("quick", "nothing")}
    assert 0 < counts["quick"] < sum(1 if firing.ends_ns is None else 2 for firing in past.firings)
    assert counts["nothing"] == 0
    assert past.message_summary(webhooks("")[-1:]) == "0 messages to nothing"


def fires(*seconds: int, end_s: int) -> list[simulation.SimulatedMessage]:
    """The messages of a default webhook for an alert that starts and ends at these seconds, up to `end_s`."""
    named = ledger.text_of({"alertname": "hot"})
    states = [("firing", "inactive"), ("resolved", "firing")]
    transitions = [
        ledger.AlertTransition("hot", named, was, to, START + second * SECOND, "9", "{}", "warning", "f0", START, None)
        for second, (to, was) in zip(seconds, states * len(seconds), strict=False)
    ]
    return simulation.messages(transitions, Webhook("usual", ""), START + end_s * SECOND)


def test_a_long_firing_alert_is_repeated_at_the_first_flush_after_the_repeat_interval() -> None:
    times = [(message.time_ns - START) // SECOND for message in fires(0, end_s=DAY // SECOND)]
    step = (4 * HOUR + 5 * MINUTE) // SECOND
    assert times == [30 + step * repetition for repetition in range(6)]


def test_transitions_in_the_window_are_sent_even_if_their_wait_ends_after_it() -> None:
    assert fires(0, end_s=10) == [simulation.SimulatedMessage(START + 30 * SECOND, 1, 0)]
    assert fires(0, 40, end_s=50)[1:] == [simulation.SimulatedMessage(START + 330 * SECOND, 0, 1)]
    assert fires(0, 20, end_s=50) == []
