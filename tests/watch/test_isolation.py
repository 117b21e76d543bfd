"""One rule, row or file that fails does not stop the others: it is counted, reported, and shown in the status file."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from obs_core.alerts import ledger
from obs_core.alerts.rules import sources
from obs_core.alerts.rules.kinds import KINDS, value
from obs_core.alerts.rules.sliding_window import Calls, SlidingWindow
from obs_core.clock import SECOND
from obs_core.model import Row
from obs_core.series import snapshot, tracker
from obs_core.store.tail import TailRow
from obs_core.watch import checkpoint, loop, status_file
from obs_core.watch.faults import Faults
from obs_core.watch.follower import Follower
from tests.support import table

START = table.START_NS
TIMEOUT_S = 60
LIMIT = '[[rule]]\nname = "{}"\nkind = "value"\nabove = {}\n'


def readings(*texts: str, data: str = "x", start: int = 0) -> list[Row]:
    return [
        Row("value", "p", data, START + second * SECOND, data_type="float", data_value=text)
        for second, text in enumerate(texts, start)
    ]


def transitions(log: Path) -> list[tuple[str, str, int]]:
    with closing(ledger.open_ledger(log)) as connection:
        return [
            (transition.rule, transition.state_to, (transition.timestamp_ns - START) // SECOND)
            for _, transition in ledger.transitions(connection)
        ]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "trace.db"
    table.store(path, readings("1", "9"))
    return path


@pytest.fixture
def broken_at(monkeypatch: pytest.MonkeyPatch) -> float:
    """A limit on values with which the condition raises an error at a reading of 13, as a faulty plug-in might."""
    limit = 5.5
    is_met = value.Value.is_met

    def faulty(self: value.Value, reading: Any, text: str | None) -> bool:  # noqa: ANN401 - as in the original
        if self.above == limit and text == "13":
            raise ZeroDivisionError("no such reading")
        return is_met(self, reading, text)

    monkeypatch.setattr(value.Value, "is_met", faulty)
    return limit


@pytest.mark.parametrize("in_history", [True, False])
def test_a_rule_that_raises_is_disabled_and_the_others_are_evaluated(
    log: Path, broken_at: float, *, in_history: bool
) -> None:
    (log.parent / sources.NAME).write_text(LIMIT.format("bad", broken_at) + LIMIT.format("good", 5))
    if in_history:
        table.store(log, readings("13", "1", start=2))
    with closing(Follower(log)) as follower:
        follower.tick(START + 5 * SECOND)
        if not in_history:
            assert follower.failed == {}
            table.store(log, readings("13", "1", start=2))
            follower.tick(START + 6 * SECOND)
        assert {rule.name: text for rule, text in follower.failed.items()} == {
            "bad": "ZeroDivisionError: no such reading"
        }
        table.store(log, readings("8", start=10))
        follower.tick(START + 11 * SECOND)
        (log.parent / sources.NAME).write_text(LIMIT.format("bad", 6) + LIMIT.format("good", 5))
        follower.tick(START + 12 * SECOND)
        assert follower.failed == {}
    good = [(state, second) for rule, state, second in transitions(log) if rule == "good"]
    assert good[:3] == [("firing", 1), ("resolved", 3), ("firing", 10)]
    assert ("bad", "firing", 10) in transitions(log)


def test_of_rules_that_share_a_check_only_the_one_that_raises_is_disabled(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds = SlidingWindow.holds

    def faulty(self: SlidingWindow, limits: Calls, edge: int) -> bool | None:
        if limits.above == 7:
            raise ValueError("seven")
        return holds(self, limits, edge)

    monkeypatch.setattr(SlidingWindow, "holds", faulty)
    (log.parent / sources.NAME).write_text(
        "".join(f'[[rule]]\nname = "r{n}"\nkind = "throughput"\nabove = {n}\nwindow = "10s"\n' for n in (0, 7, 8))
    )
    calls = [Row("call", "p", "f", START + second * SECOND, duration_ns=5) for second in range(30)]
    table.store(log, calls)
    with closing(Follower(log)) as follower:
        follower.tick(START + 30 * SECOND)
        assert [rule.name for rule in follower.failed] == ["r7"]
    assert {(rule, state) for rule, state, _ in transitions(log)} == {("r0", "firing")}


def test_a_row_that_raises_outside_the_rules_is_skipped_counted_and_named(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observe = tracker.observe

    def faulty(series: tracker.Series, row: TailRow, *others: Any) -> Any:  # noqa: ANN401 - passed on
        if row.data_value == "13":
            raise KeyError("thirteen")
        return observe(series, row, *others)

    monkeypatch.setattr(tracker, "observe", faulty)
    (log.parent / sources.NAME).write_text(LIMIT.format("good", 5))
    table.store(log, readings("13", "1", start=2))
    said: list[str] = []
    with closing(Follower(log)) as follower:
        follower.tick(START + 5 * SECOND)
        faults = Faults(log, said.append)
        faults.set_rows(follower.counts)
        faults.set_rows(follower.counts)
    assert transitions(log) == [("good", "firing", 1), ("good", "resolved", 3)]
    assert said == ["1 rows could not be evaluated and were skipped; the last one has the id 3: KeyError: 'thirteen'."]


def test_a_far_time_is_counted_and_its_reading_evaluated(log: Path) -> None:
    (log.parent / sources.NAME).write_text(LIMIT.format("good", 5))
    far = [row._replace(timestamp=at) for row, at in zip(readings("1", "9"), (-(2**63), 2**63 - 2), strict=True)]
    table.store(log, far)
    with closing(Follower(log)) as follower:
        follower.tick(START + 5 * SECOND)
        assert follower.counts.by_reason["far time"].count == 2
        table.store(log, readings("1", start=6))
        follower.tick(START + 7 * SECOND)
    assert [state for _, state, _ in transitions(log)][-1] == "firing"  # the newest reading is the far one


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_rule_that_can_not_make_its_check_is_disabled(
    log: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def faulty(*_: object) -> Any:  # noqa: ANN401 - never returns
        raise RuntimeError("not made")

    broken = {name: faulty for name in ("series_checks", "check") if getattr(KINDS[kind], name) is not None}
    monkeypatch.setitem(KINDS, kind, replace(KINDS[kind], **broken))  # type: ignore[arg-type]
    other = "value" if kind != "value" else "stale"
    fields = {"value": "above = 5", "stale": "threshold = 1"}
    own = "above = 5\n" if kind in ("value", "error_rate", "latency", "throughput") else ""
    (log.parent / sources.NAME).write_text(
        f'[[rule]]\nname = "bad"\nkind = "{kind}"\n{own}[[rule]]\nname = "good"\nkind = "{other}"\n{fields[other]}\n'
    )
    table.store(log, [*readings("9", "9", start=2), Row("call", "p", "f", START)])
    with closing(Follower(log)) as follower:
        follower.tick(START + 5 * SECOND)
        assert [rule.name for rule in follower.failed] == ["bad"]
    assert {rule for rule, _, _ in transitions(log)} == {"good"}


@dataclass
class Watched:
    """A watcher in a thread, and the sentences that it reports."""

    log: Path
    said: list[str]

    def until(self, happened: Callable[[], bool]) -> None:
        end = time.monotonic() + TIMEOUT_S
        while not happened():
            assert time.monotonic() < end, (self.said, status_file.faults(self.log))
            time.sleep(0.02)

    def fault_of(self, part: str) -> str:
        return next((fault.text for fault in status_file.faults(self.log) if fault.part == part), "")


@pytest.fixture
def watched(log: Path) -> Iterator[Watched]:
    (log.parent / sources.NAME).write_text(LIMIT.format("good", 5))
    said: list[str] = []
    stop = threading.Event()
    arguments = (log, stop, said.append, [_raises_at_first()])
    thread = threading.Thread(target=loop.watch, args=arguments, kwargs={"tick_s": 0.02})
    thread.start()
    yield Watched(log, said)
    alive = thread.is_alive()
    stop.set()
    thread.join(TIMEOUT_S)
    assert alive


def _raises_at_first() -> Callable[[Path, int], dict[str, str]]:
    calls: list[int] = []

    def callback(log: Path, now_ns: int) -> dict[str, str]:
        calls.append(now_ns)
        if len(calls) < 20:
            raise RuntimeError("no messages")
        return {"ops": "no settings"} if "bad" in (log.parent / sources.NAME).read_text() else {}

    return callback


def test_an_error_of_one_part_is_shown_while_it_lasts_and_the_other_parts_run(watched: Watched) -> None:
    watched.until(lambda: "no messages" in watched.fault_of("notifications"))
    watched.until(lambda: ("good", "firing", 1) in transitions(watched.log))
    watched.until(lambda: status_file.faults(watched.log) == [])
    assert sum("no messages" in sentence for sentence in watched.said) == 1


def test_an_invalid_rule_and_a_webhook_with_an_error_are_named(watched: Watched) -> None:
    rules = watched.log.parent / sources.NAME
    rules.write_text(LIMIT.format("good", 5) + LIMIT.format("bad", "'high'"))
    watched.until(lambda: "Rule “bad”: above is 'high'" in watched.fault_of("rule bad"))
    watched.until(lambda: "no settings" in watched.fault_of("webhook ops"))
    assert ("good", "firing", 1) in transitions(watched.log)
    rules.write_text(LIMIT.format("good", 5))
    watched.until(lambda: status_file.faults(watched.log) == [])


def test_a_table_that_is_dropped_and_made_again_is_followed(watched: Watched) -> None:
    import sqlite3  # noqa: PLC0415 - another program's hand

    watched.until(lambda: ("good", "firing", 1) in transitions(watched.log))
    with closing(sqlite3.connect(watched.log, timeout=30)) as other:
        (statement,) = other.execute("SELECT sql FROM sqlite_master WHERE name = 'data_trace'").fetchone()
        other.execute("ALTER TABLE data_trace RENAME TO old")
        watched.until(lambda: watched.fault_of("evaluation") != "")
        assert "data_trace" in watched.fault_of("evaluation")
        other.execute(statement)
        other.commit()
    watched.until(lambda: watched.fault_of("evaluation") == "")
    table.store(watched.log, readings("1", "9", start=50))
    watched.until(lambda: ("good", "firing", 51) in transitions(watched.log))


def test_without_a_file_for_streaks_rules_are_still_evaluated(log: Path) -> None:
    snapshot.path_of(log).mkdir()
    (log.parent / sources.NAME).write_text('[[rule]]\nname = "stuck"\nkind = "stale"\nthreshold = 2\n')
    table.store(log, readings(*"777", start=2))
    with closing(Follower(log)) as follower:
        follower.tick(START + 9 * SECOND)
        assert "Streaks are not saved" in str(follower.streaks_error)
        table.store(log, readings("8", start=10))
        follower.tick(START + 11 * SECOND)
    assert transitions(log) == [("stuck", "firing", 4), ("stuck", "resolved", 10)]


def test_streaks_are_saved_again_once_their_file_can_be_written(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that had been full once left the watcher without saved streaks until it was restarted."""
    monkeypatch.setattr(checkpoint, "_RETRY_S", 0.0)
    (log.parent / sources.NAME).write_text('[[rule]]\nname = "stuck"\nkind = "stale"\nthreshold = 2\n')
    table.store(log, readings(*"777", start=2))
    snapshot.path_of(log).mkdir()
    with closing(Follower(log)) as follower:
        follower.tick(START + 9 * SECOND)
        follower.save(rows_arrived=True)
        assert "Streaks are not saved" in str(follower.streaks_error)
        snapshot.path_of(log).rmdir()
        table.store(log, readings("8", start=10))
        follower.tick(START + 11 * SECOND)
        follower.save(rows_arrived=True)
        assert follower.streaks_error is None
        newest = follower.at_id
    with closing(snapshot.open_series(log)) as file:
        saved = snapshot.load(file)
    assert saved.id == newest
    assert [len(series.streaks) for series in saved.series.values()] == [1]


def test_an_error_in_the_middle_of_a_batch_saves_no_streaks_that_are_counted_twice(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (log.parent / sources.NAME).write_text('[[rule]]\nname = "stuck"\nkind = "stale"\nthreshold = 4\n')
    follower = Follower(log)
    follower.tick(START + 2 * SECOND)
    table.store(log, readings(*"7777", start=2))
    monkeypatch.setattr("obs_core.store.tail._BATCH", 2)
    observe = tracker.observe

    def full(series: tracker.Series, row: TailRow, *others: Any) -> Any:  # noqa: ANN401 - passed on
        if row.id == 6:
            raise MemoryError
        return observe(series, row, *others)

    with monkeypatch.context() as patched:
        patched.setattr(tracker, "observe", full)
        with pytest.raises(MemoryError):
            follower.tick(START + 7 * SECOND)
        follower.close()
    with closing(Follower(log)) as again:
        again.tick(START + 8 * SECOND)
    assert transitions(log) == []


def test_further_series_than_the_limit_are_counted_and_not_evaluated(log: Path) -> None:
    (log.parent / sources.NAME).write_text(
        LIMIT.format("good", 5) + '[[rule]]\nname = "drift"\nkind = "drift"\nwindow = "12s"\n'
    )
    names = [f"n{number}" for number in range(1_000)]
    table.store(log, [row for name in names for row in readings("9", "9", data=name, start=2)])
    with closing(Follower(log, max_series=100)) as follower:
        follower.tick(START + 5 * SECOND)
        assert len(follower._evaluator.series._checks) == 100
        assert follower.counts.by_reason["untracked"].count == 2 * 901
        assert 880 < follower.counts.untracked_series() < 920
        said: list[str] = []
        faults = Faults(log, said.append)
        faults.set_rows(follower.counts)
    assert len(transitions(log)) == 100
    assert "1,802 readings are not evaluated" in said[0]
    assert "OBS_MAX_SERIES" in said[0]
    with closing(Follower(log, max_series=50)) as follower:  # the checkpoint has more than the new limit
        follower.tick(START + 6 * SECOND)
        assert len(follower._evaluator.series._checks) == 50


def test_a_status_of_another_process_or_a_damaged_one_is_not_shown(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    assert status_file.faults(log) == []
    fault = status_file.Fault("evaluation", "é", 1, 2)
    status_file.write(log, [fault])
    assert status_file.faults(log) == [fault]
    path = tmp_path / "trace.db.d" / status_file.NAME
    whole = path.read_text("utf-8")
    for text in ("", "[]", '{"faults": 5}', whole.replace('"birth": ', '"birth": 1'), whole[:-9]):
        path.write_text(text, "utf-8")
        assert status_file.faults(log) == []
