"""New rules over a long log: evaluation on two cores gives the same results as on one."""

import random
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from obs_core import subprocesses
from obs_core.alerts import ledger
from obs_core.alerts.ledger import AlertRow, AlertTransition
from obs_core.alerts.rules import sources
from obs_core.clock import SECOND
from obs_core.model import Row
from obs_core.watch import backfill, follower
from tests.support import table

START, MANY = table.START_NS, 4_000
RULES = """
[[rule]]
name = "stuck"
kind = "stale"
threshold = 4

[[rule]]
name = "near"
kind = "stale"
tolerance = 1.0
data = "level"

[[rule]]
name = "quiet"
kind = "silent"
after = "20s"

[[rule]]
name = "nobody calls"
kind = "silent"
of = "calls"
after = "5s"

[[rule]]
name = "failing"
kind = "error_rate"
above = 0.3
window = "1m"

[[rule]]
name = "slow"
kind = "latency"
above = 60
window = "1m"

[[rule]]
name = "busy"
kind = "throughput"
changed_percent = 40
window = "1m"

[[rule]]
name = "odd"
kind = "new_exception"
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """4,000 rows of two processes over an hour, some of them late."""
    chance = random.Random(7)  # noqa: S311 - chance that comes again
    rows = []
    for number in range(MANY):
        time_ns = START + number * 9 * SECOND // 10 - chance.choice((0, 0, 0, 30)) * SECOND
        process = chance.choice(("web", "feed"))
        if number % 3:
            text = str(number // 40 % 5 if chance.random() < 0.9 else 9)
            rows.append(Row("value", process, "level", time_ns, data_type="int", data_value=text))
            continue
        fails = chance.random() < (0.5 if number % 1000 < 200 else 0.1)
        fields = {"status": "ERROR", "exception": f"{chance.choice(('OSError', 'KeyError'))}: x"} if fails else {}
        ids = {"trace_id": f"{number:032x}", "span_id": f"{number:016x}"}
        duration = int(chance.expovariate(1 / 30) * 1e6)
        rows.append(Row("call", process, "serve", time_ns, duration_ns=duration, **ids, **fields))  # type: ignore[arg-type]
    path = tmp_path / "log" / "trace.db"
    path.parent.mkdir()
    table.store(path, rows)
    (path.parent / sources.NAME).write_text(RULES)
    return path


def recorded(log: Path) -> tuple[set[AlertTransition], set[AlertRow]]:
    """The transitions and alerts after the backfill and after further rows."""
    now = START + MANY * SECOND
    with closing(follower.Follower(log)) as opened:
        opened.tick(now)
        more = [Row("value", "web", "level", now + at, data_type="int", data_value="4") for at in range(6)]
        fails = {"status": "ERROR", "exception": "TypeError: y", "duration_ns": 5}
        more += [Row("call", "web", "serve", now + at, **fails) for at in range(9)]  # type: ignore[arg-type]
        table.store(log, more)
        opened.tick(now + 30 * SECOND)
    with closing(ledger.open_ledger(log)) as connection:
        return {transition for _, transition in ledger.transitions(connection)}, set(ledger.alert_rows(connection))


@pytest.mark.parametrize(
    "command",
    [subprocesses.command, lambda *_: [sys.executable, "-c", "import sys; sys.stdin.buffer.read(); sys.exit(3)"]],
)
def test_on_two_cores_or_if_the_child_process_fails_the_results_are_the_same(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., list[str]]
) -> None:
    other = tmp_path / "other" / log.name
    shutil.copytree(log.parent, other.parent)
    alone = recorded(log)
    monkeypatch.setattr(backfill, "LONG", 1_000)
    monkeypatch.setattr(subprocesses, "command", command)
    assert recorded(other) == alone
    assert {transition.rule for transition in alone[0]} >= {"stuck", "near", "quiet", "failing", "slow", "busy", "odd"}


def test_the_child_process_returns_the_output_of_the_rules_about_calls(log: Path) -> None:
    with closing(ledger.open_ledger(log)) as connection:
        rules = [rule for rule in sources.rules(log, connection) if rule.name in ("failing", "odd")]
    history = backfill.BackfillRange(log, MANY, START + MANY * SECOND, START + MANY * SECOND)
    process = backfill._start(rules, history)
    assert process is not None
    output = backfill._output(process)
    assert output is not None
    assert {transition.rule for transition in output.transitions} == {"failing", "odd"}
    assert {rule for rule, _ in output.seen} == {"odd"}
