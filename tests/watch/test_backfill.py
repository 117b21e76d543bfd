"""The first judgement of a long log: on two cores it says what it says on one."""

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
    """Four thousand rows of two processes over an hour, some of them late."""
    chance = random.Random(7)  # noqa: S311 - chance that comes again
    rows = []
    for number in range(MANY):
        moment = START + number * 9 * SECOND // 10 - chance.choice((0, 0, 0, 30)) * SECOND
        process = chance.choice(("web", "feed"))
        if number % 3:
            text = str(number // 40 % 5 if chance.random() < 0.9 else 9)
            rows.append(Row("value", process, "level", moment, data_type="int", data_value=text))
            continue
        fails = chance.random() < (0.5 if number % 1000 < 200 else 0.1)
        facts = {"status": "ERROR", "exception": f"{chance.choice(('OSError', 'KeyError'))}: x"} if fails else {}
        ids = {"trace_id": f"{number:032x}", "span_id": f"{number:016x}"}
        duration = int(chance.expovariate(1 / 30) * 1e6)
        rows.append(Row("call", process, "serve", moment, duration_ns=duration, **ids, **facts))  # type: ignore[arg-type]
    path = tmp_path / "log" / "trace.db"
    path.parent.mkdir()
    table.store(path, rows)
    (path.parent / sources.NAME).write_text(RULES)
    return path


def said(log: Path) -> tuple[set[AlertTransition], set[AlertRow]]:
    """What the ledger holds of the first judgement and of more rows behind it."""
    now = START + MANY * SECOND
    with closing(follower.Follower(log)) as follows:
        follows.tick(now)
        more = [Row("value", "web", "level", now + at, data_type="int", data_value="4") for at in range(6)]
        fails = {"status": "ERROR", "exception": "TypeError: y", "duration_ns": 5}
        more += [Row("call", "web", "serve", now + at, **fails) for at in range(9)]  # type: ignore[arg-type]
        table.store(log, more)
        follows.tick(now + 30 * SECOND)
    with closing(ledger.open_ledger(log)) as book:
        return {flip for _, flip in ledger.transitions(book)}, set(ledger.alert_rows(book))


@pytest.mark.parametrize(
    "command",
    [subprocesses.command, lambda *_: [sys.executable, "-c", "import sys; sys.stdin.buffer.read(); sys.exit(3)"]],
)
def test_on_two_cores_and_where_the_program_fails_it_says_the_same(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., list[str]]
) -> None:
    other = tmp_path / "other" / log.name
    shutil.copytree(log.parent, other.parent)
    alone = said(log)
    monkeypatch.setattr(backfill, "LONG", 1_000)
    monkeypatch.setattr(subprocesses, "command", command)
    assert said(other) == alone
    assert {flip.rule for flip in alone[0]} >= {"stuck", "near", "quiet", "failing", "slow", "busy", "odd"}


def test_the_program_tells_what_the_rules_about_calls_say(log: Path) -> None:
    with closing(ledger.open_ledger(log)) as book:
        rules = [rule for rule in sources.rules(log, book) if rule.name in ("failing", "odd")]
    past = backfill.BackfillResult(log, MANY, START + MANY * SECOND, START + MANY * SECOND)
    program = backfill._started(rules, past)
    assert program is not None
    told = backfill._answer(program)
    assert told is not None
    assert {flip.rule for flip in told.transitions} == {"failing", "odd"}
    assert {rule for rule, _ in told.seen} == {"odd"}
