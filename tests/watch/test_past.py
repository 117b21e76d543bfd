"""What any kind of rule finds in rows of the past is history: a real receiver gets no message about it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from obs_core.alerts import ledger
from obs_core.alerts.deliver import dispatcher, webhook_store
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.alerts.rules import sources
from obs_core.alerts.rules.kinds import KINDS
from obs_core.clock import DAY, HOUR, MINUTE, SECOND, now_ns
from obs_core.model import Row
from obs_core.settings import from_environment
from obs_core.watch import batches
from obs_core.watch import follower as follower_module
from obs_core.watch.follower import Follower
from tests.support import receivers, table
from tests.watch.test_kinds import START, firing_rows, quick, status, toml

AGES = {"three hours old": 3 * HOUR, "a year old": 400 * DAY}
LENGTH_NS = 50 * SECOND
STILL_FIRE = {"stale", "value", "error_rate", "latency"}
"""Kinds whose alert on `firing_rows` fires until their end."""


class Watched(NamedTuple):
    """A log with a rule, a watcher and a webhook at a real receiver."""

    log: Path
    receiving: receivers.Receiving

    def write_rule(self, kind: str) -> None:
        (self.log.parent / sources.NAME).write_text(toml(quick(kind) | {"flap_count": 16}))

    def watch(self, *times_ns: int) -> None:
        """Evaluate at these times with the writers of the log, and deliver after each of them."""
        with closing(Follower(self.log)) as follower, closing(ledger.open_ledger(self.log)) as connection:
            for time_ns in times_ns:
                follower.tick(time_ns, [status(dropped=5)])
                dispatcher.run_round(connection, from_environment())

    def firing(self) -> list[str]:
        with closing(ledger.open_ledger(self.log)) as connection:
            return [row.labels for row in ledger.alert_rows(connection) if row.state == "firing"]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    log = tmp_path / "trace.db"
    table.store(log, [])
    with receivers.receiver(receivers.answers("200 OK")) as receiving:
        with closing(ledger.open_ledger(log)) as connection:
            webhook_store.add(
                connection, Webhook("ops", receiving.url, group_wait_ns=0, group_interval_ns=SECOND), now_ns()
            )
        yield Watched(log, receiving)


def aged(rows: Sequence[Row], age_ns: int) -> list[Row]:
    """`rows` of `LENGTH_NS` from `START` on, the last of them `age_ns` old."""
    later = now_ns() - age_ns - LENGTH_NS - START
    return [row._replace(timestamp=row.timestamp + later) for row in rows]


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_rule_sends_nothing_of_a_log_of_the_past(watched: Watched, kind: str, age: str) -> None:
    table.store(watched.log, aged(firing_rows(kind), AGES[age]))
    watched.write_rule(kind)
    now = now_ns()
    watched.watch(now, now + 10 * SECOND, now + MINUTE, now + HOUR)
    assert watched.receiving.posts == []
    with closing(ledger.open_ledger(watched.log)) as connection:
        recorded = [transition for _, transition in ledger.transitions(connection)]
        webhook_store.add(connection, Webhook("later", watched.receiving.url, group_wait_ns=0), now)
    assert ("firing" in {transition.state_to for transition in recorded}) == (kind != "writer")
    watched.watch(now + 2 * HOUR)
    assert watched.receiving.posts == [], "a webhook that is added later"


@pytest.mark.parametrize("batch", [batches.BATCH, 10], ids=["at once", "in batches"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_known_rule_sends_nothing_of_rows_of_the_past_that_are_imported(
    watched: Watched, kind: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "BATCH", batch)
    monkeypatch.setattr(batches, "BATCH", batch)
    watched.write_rule(kind)
    now = now_ns()
    watched.watch(now)
    table.store(watched.log, aged(firing_rows(kind), 400 * DAY))
    watched.watch(now + SECOND, now + 10 * SECOND, now + MINUTE, now + HOUR)
    assert watched.receiving.posts == []


@pytest.mark.parametrize("kind", sorted(STILL_FIRE))
def test_a_new_rule_sends_what_fires_on_rows_that_just_arrived(watched: Watched, kind: str) -> None:
    table.store(watched.log, aged(firing_rows(kind), 0))
    watched.write_rule(kind)
    watched.watch(now_ns())
    assert len(watched.receiving.posts) == 1


@pytest.mark.parametrize("kind", sorted(STILL_FIRE))
def test_what_fired_while_the_watcher_was_down_is_sent(watched: Watched, kind: str) -> None:
    watched.write_rule(kind)
    watched.watch(now_ns() - 2 * HOUR)
    table.store(watched.log, aged(firing_rows(kind), 0))
    watched.watch(now_ns())
    assert len(watched.receiving.posts) == 1


def test_the_end_of_an_alert_of_the_past_is_not_sent_either(watched: Watched) -> None:
    table.store(watched.log, aged(firing_rows("value"), 3 * HOUR))
    watched.write_rule("value")
    now = now_ns()
    watched.watch(now)
    assert watched.firing() != []
    table.store(watched.log, [Row("value", "p", "x", now, data_type="float", data_value="0")])
    watched.watch(now + SECOND, now + HOUR)
    assert watched.firing() == []
    assert watched.receiving.posts == []
