"""The snapshot of alerts: their evaluated states, with snoozed and flapping as states of their own."""

from contextlib import closing
from pathlib import Path

import pytest

from obs_core.alerts import ledger, snapshot
from obs_core.alerts.rules import sources
from obs_core.alerts.states.machine import ShownState
from obs_core.clock import SECOND
from obs_core.model import Row
from obs_core.watch.follower import Follower
from tests.support import table

START = table.START_NS


@pytest.mark.parametrize(
    ("texts", "now", "snoozed", "shown"),
    [
        ("9", 5, False, "firing"),
        ("91", 5, False, "resolved"),
        ("919", 5, False, "flapping"),
        ("9191", 5, False, "flapping"),
        ("9191", 200, False, "resolved"),
        ("919", 200, False, "firing"),
        ("9", 5, True, "snoozed"),
        ("9191", 5, True, "snoozed"),
    ],
)
def test_alerts_are_shown_in_their_evaluated_state(
    tmp_path: Path, texts: str, now: int, *, snoozed: bool, shown: ShownState
) -> None:
    log = tmp_path / "trace.db"
    (tmp_path / sources.NAME).write_text('[[rule]]\nname = "hot"\nkind = "value"\nabove = 5\n')
    table.store(
        log,
        [
            Row("value", "p", "x", START + second * SECOND, data_type="int", data_value=text)
            for second, text in enumerate(texts)
        ],
    )
    with closing(Follower(log)) as follower:
        follower.tick(START + now * SECOND)
    if snoozed:
        with closing(ledger.open_ledger(log)) as connection:
            ledger.snooze(connection, "hot", START + 3600 * SECOND)
    alerts = snapshot.snapshot(log, START + now * SECOND)
    assert [alert.state for alert in alerts.alerts] == [shown]
    assert alerts.count(shown) == 1


def test_a_rule_that_was_not_evaluated_is_not_ok(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    (tmp_path / sources.NAME).write_text('[[rule]]\nname = "hot"\nkind = "value"\nabove = 5\n')
    table.store(log, [Row("value", "p", "x", START, data_type="int", data_value="1")])
    before = snapshot.snapshot(log, START)
    assert (before.quiet(), [rule.name for rule in before.unevaluated()]) == ([], ["hot"])
    with closing(Follower(log)) as follower:
        follower.tick(START + SECOND)
    after = snapshot.snapshot(log, START + SECOND)
    assert ([rule.name for rule in after.quiet()], after.unevaluated()) == (["hot"], [])
