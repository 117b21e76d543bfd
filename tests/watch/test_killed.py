"""The watcher as a process: kills at random times lose and duplicate no transition; there is one per log."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from obs_core.alerts import ledger
from obs_core.alerts.rules import sources
from obs_core.clock import SECOND
from obs_core.model import Row
from tests.support import table
from tests.support.flapping import flapping

KILLS = int(os.environ.get("WATCH_KILLS", "100"))
AT_ONCE = 5  # logs, each with a watcher of its own
FLAP_S = 7200
TIMEOUT_S = 60
RULE = (
    f'[[rule]]\nname = "stuck"\nkind = "stale"\nflap_window = {FLAP_S}\n'
    f'[[rule]]\nname = "seven"\nkind = "value"\nabove = 6\nflap_window = {FLAP_S}\n'
)
Transition = tuple[str, str, str, int]


@contextmanager
def watcher(log: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "obs_core", "watch", "--log", str(log), "--tick", "0.01", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def expected(rows: list[Row]) -> set[Transition]:
    """The transitions for these readings, by counting: the sixth equal reading is stale, 7 is above 6."""
    transitions: set[Transition] = set()
    for process in {row.process for row in rows}:
        length, last, fires, high = 0, None, False, False
        crossings: dict[str, list[int]] = {"stuck": [], "seven": []}
        for row in (row for row in rows if row.process == process):
            length = length + 1 if row.data_value == last else 1
            last = row.data_value
            for name, now, before in (("stuck", length > 5, fires), ("seven", float(last or 0) > 6, high)):
                if now != before:
                    transitions.add((name, process, "firing" if now else "resolved", row.timestamp))
                    crossings[name].append(row.timestamp)
            fires, high = length > 5, float(last or 0) > 6
        for name, times in crossings.items():  # all of them are within two hours: flapping does not end
            transitions |= {
                (name, process, "flapping", time_ns) for time_ns, _ in flapping(times, 3, FLAP_S * SECOND)[:1]
            }
    return transitions


def recorded(log: Path) -> list[Transition]:
    with closing(ledger.open_ledger(log)) as connection:
        return [
            (transition.rule, json.loads(transition.labels)["process"], transition.state_to, transition.timestamp_ns)
            for _, transition in ledger.transitions(connection)
            if transition.state_to != "inactive"
        ]


def evaluated_up_to(log: Path, newest: int) -> bool:
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        with closing(ledger.open_ledger(log)) as connection:
            if {evaluated.up_to_id for evaluated in ledger.evaluated_ranges(connection).values()} == {newest}:
                return True
        time.sleep(0.05)
    return False


def batch(chance: random.Random, first: int, done: int) -> list[Row]:
    """Some readings of three series, fifty a second: mostly 5, sometimes others."""
    return [
        Row(
            "value", f"p{number % 3}", "x", first + number * SECOND // 50, data_type="int",
            data_value=chance.choice("77788"[: 1 + chance.randrange(5)]) if chance.random() < 0.2 else "5",
        )
        for number in range(done, done + chance.randrange(1, 40))
    ]  # fmt: skip


def killed(log: Path, kills: int, seed: int) -> list[Row]:
    """Write rows while watchers are killed at random times; return the rows."""
    chance = random.Random(seed)  # noqa: S311 - moments of a test
    (log.parent / sources.NAME).write_text(RULE)
    table.store(log, [])
    rows: list[Row] = []
    first = time.time_ns() - 3600 * SECOND
    for _ in range(kills):
        with watcher(log) as process:
            end = time.monotonic() + 0.1 + chance.random()
            while time.monotonic() < end:
                more = batch(chance, first, len(rows))
                table.store(log, more)
                rows += more
                time.sleep(chance.random() * 0.05)
            process.send_signal(signal.SIGKILL)
    return rows


def test_watchers_killed_at_random_times_lose_and_duplicate_no_transition(tmp_path: Path) -> None:
    logs = [tmp_path / f"{number}" / "trace.db" for number in range(AT_ONCE)]
    for log in logs:
        log.parent.mkdir()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        written = list(threads.map(killed, logs, [KILLS // AT_ONCE] * AT_ONCE, range(AT_ONCE)))
    for log, rows in zip(logs, written, strict=True):
        with watcher(log):
            assert evaluated_up_to(log, len(rows))
        transitions = recorded(log)
        assert len(transitions) == len(set(transitions))
        assert set(transitions) == expected(rows)
        assert len(transitions) > KILLS // AT_ONCE


def test_a_second_watcher_waits_and_takes_over_when_the_first_ends(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    (tmp_path / sources.NAME).write_text(RULE)
    table.store(log, [])
    with watcher(log) as one:
        assert one.stdout
        assert one.stdout.readline().startswith("Following")
        with watcher(log) as other:
            assert other.stdout
            assert f"Another watcher (pid {one.pid}) follows" in other.stdout.readline()
            one.kill()
            assert other.stdout.readline().startswith("Following")


def test_it_reports_the_progress_of_new_rules(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    (tmp_path / sources.NAME).write_text(RULE)
    table.store(log, batch(random.Random(1), table.START_NS, 0))  # noqa: S311 - rows of a test
    with watcher(log) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("Following")
        assert process.stdout.readline().startswith("evaluating 2 new rules: ")


def test_as_a_child_it_reports_its_start_and_ends_with_its_parent(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    with watcher(log, "--child") as process:
        assert process.stdout
        assert process.stdin
        assert json.loads(process.stdout.readline()) == {"address": str(log)}
        process.stdin.close()
        assert process.wait(TIMEOUT_S) == 0


def test_it_recovers_the_spool_of_a_killed_program(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    (tmp_path / sources.NAME).write_text(RULE)
    program = "import obs_core, os\nfor _ in range(9): obs_core.record('x', 5)\nos.kill(os.getpid(), 9)"
    settings = {**os.environ, "OBS_LOG": str(log), "OBS_DRAIN": "no", "OBS_PROCESS": "feed"}
    assert subprocess.run([sys.executable, "-c", program], env=settings, check=False).returncode == -signal.SIGKILL
    with watcher(log):
        assert evaluated_up_to(log, 9)
    assert [transition[:3] for transition in recorded(log)] == [("stuck", "feed", "firing")]
