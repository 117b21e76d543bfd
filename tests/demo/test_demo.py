"""The demo: real traced programs and a real log."""

import statistics
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from obs_core.alerts import ledger
from obs_core.alerts.rules import sources
from obs_core.alerts.snapshot import snapshot
from obs_core.clock import MILLISECOND, now_ns
from obs_core.demo.feeds import FEEDS, readings
from obs_core.model import Row
from obs_core.store import sqlite
from obs_core.watch.follower import Follower
from tests.support import table


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    command = [sys.executable, "-m", "obs_core", "demo", "--seconds", "5", "--log", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert str(path) in done.stdout
    return path


def rows(log: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite.connect(log)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_every_station_leaves_calls_in_its_own_group(log: Path) -> None:
    pairs = rows(log, "SELECT process, process_group FROM data_trace GROUP BY process")
    assert set(pairs) == {(feed.process, feed.group) for feed in FEEDS.values()}


def test_recorded_values_are_the_readings_in_their_order(log: Path) -> None:
    gauge = FEEDS["tide-gauge"]
    sql = f"SELECT data_value FROM data_trace WHERE kind = 'value' AND data = '{gauge.variable}' ORDER BY timestamp, id"
    recorded = [float(str(value)) for (value,) in rows(log, sql)]
    assert len(recorded) > 50
    assert recorded == [float(text) for text in readings(gauge)[: len(recorded)]]


def test_the_stuck_sensor_is_in_the_log_as_a_long_streak_of_equal_values(log: Path) -> None:
    sql = "SELECT data_value FROM data_trace WHERE data = 'sea_level_m' ORDER BY timestamp DESC, id DESC"
    newest, *earlier = [value for (value,) in rows(log, sql)]
    streak = next((number for number, value in enumerate(earlier, 1) if value != newest), len(earlier) + 1)
    assert streak > 5


def test_the_demo_saves_a_rule_that_fires_for_its_stuck_sensor(log: Path, tmp_path: Path) -> None:
    [rule] = snapshot(log, now_ns()).rules
    gauge, end_ns = FEEDS["tide-gauge"], now_ns()
    texts = readings(gauge)[:800]  # those of twenty seconds
    times_ns = range(end_ns - len(texts) * 25 * MILLISECOND, end_ns, 25 * MILLISECOND)
    table.store(
        tmp_path / "t.db",
        [
            Row("value", gauge.process, gauge.variable, time_ns, data_type="float", data_value=text)
            for time_ns, text in zip(times_ns, texts, strict=True)
        ],
    )
    with closing(ledger.open_ledger(tmp_path / "t.db")) as connection:
        sources.add(connection, tmp_path / "t.db", rule, end_ns)
    with closing(Follower(tmp_path / "t.db")) as follower:
        follower.tick(end_ns)
    alerts = snapshot(tmp_path / "t.db", end_ns).alerts
    assert [(alert.state, alert.labels["data"]) for alert in alerts] == [("firing", "sea_level_m")]


def test_a_missing_reading_is_an_error_with_the_real_exception(log: Path) -> None:
    sql = "SELECT DISTINCT exception FROM data_trace WHERE status = 'ERROR'"
    assert rows(log, sql) == [("ValueError: could not convert string to float: ''",)]


def test_calls_nest_across_await_and_gather(log: Path) -> None:
    sql = """
        SELECT DISTINCT parent.data, child.data FROM data_trace child
        JOIN data_trace parent ON parent.trace_id = child.trace_id AND parent.span_id = child.parent_span_id
        WHERE child.kind = 'call'
    """
    edges = set(rows(log, sql))
    assert {("observe", "next_reading"), ("look ahead", "forecast"), ("forecast", "trend")} <= edges


def test_the_source_that_ran_is_in_the_log(log: Path) -> None:
    sql = "SELECT source, file FROM code WHERE function = 'obs_core.demo.station.trend'"
    [(source, file)] = rows(log, sql)
    assert "linear_regression" in str(source)
    assert str(file).endswith("station.py")


def test_one_station_is_deployed_again_with_a_function_that_got_slower(log: Path) -> None:
    sql = "SELECT process, version FROM run ORDER BY started"
    assert sorted(rows(log, sql)) == [
        ("email-pod", "1.4.0"),
        ("email-pod", "1.5.0"),
        ("solar-inverter", "1.4.0"),
        ("tide-gauge", "1.4.0"),
    ]
    sql = """
        SELECT source_hash, duration_ns FROM data_trace JOIN code ON code.id = code_id
        WHERE code.function = 'obs_core.demo.spread.summary' AND process_group = 'web-shop'
        ORDER BY timestamp
    """
    durations: dict[str, list[int]] = {}
    for source, duration_ns in rows(log, sql):
        durations.setdefault(str(source), []).append(int(str(duration_ns)))
    before, after = [statistics.median(times_ns) for times_ns in durations.values()]
    assert after > 2 * before


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_an_invalid_duration_is_refused_with_a_message(seconds: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "obs_core", "demo", "--seconds", seconds, "--log", str(tmp_path / "x.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--seconds must be a number above 0" in done.stderr
    assert not list(tmp_path.iterdir())
