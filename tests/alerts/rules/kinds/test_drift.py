"""The rule kind `drift`: the mean of the last window against the mean of the window before."""

import math
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs_core.alerts import backtest, ledger
from obs_core.alerts.rules import parsing, sources
from obs_core.alerts.rules.kinds.drift import Drift, change_percent
from obs_core.cli.main import main
from obs_core.clock import SECOND, Window
from obs_core.errors import BadParameter
from obs_core.model import Row
from obs_core.watch.follower import Follower
from tests.support import table

START = table.START_NS
WINDOW, STEP, END = 24, 2, 160  # seconds; the log starts at a multiple of the step
Reading = tuple[int, float]
Changes = list[tuple[int, str]]


def rows(readings: Sequence[Reading]) -> list[Row]:
    return [
        Row("value", "p", "x", START + second * SECOND, data_type="float", data_value=repr(float(number)))
        for second, number in readings
    ]


def by_numpy(readings: Sequence[Reading], percent: float, direction: str, least: int) -> Changes:
    """At which second the alert fires and resolves, from all readings at once; without data it keeps its state."""
    seconds = np.array([second for second, _ in readings])
    numbers = np.array([number for _, number in readings])
    changes: Changes = []
    fires = False
    for edge in range(STEP, END + 1, STEP):
        last = numbers[(seconds >= edge - WINDOW) & (seconds < edge)]
        before = numbers[(seconds >= edge - 2 * WINDOW) & (seconds < edge - WINDOW)]
        if min(len(last), len(before)) < max(1, least):
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            change = (np.mean(last) - np.mean(before)) / abs(np.mean(before)) * 100
        change = 0.0 if np.isnan(change) else float(change)
        size = {"both": abs(change), "up": change, "down": -change}[direction]
        if (size > percent) != fires:
            fires = not fires
            changes.append((edge, "firing" if fires else "resolved"))
    return changes


def by_watching(path: Path, readings: Sequence[Reading], cuts: Sequence[int], rule: str) -> Changes:
    """The same from a watcher that is restarted at each of `cuts`."""
    text = f'[[rule]]\nname = "r"\nkind = "drift"\nwindow = {WINDOW}\nno_data = "keep"\nflap_count = 16\n{rule}\n'
    (path.parent / sources.NAME).write_text(text)
    table.store(path, [])
    done = 0
    for cut in [*sorted(cuts), END]:
        stored = [reading for reading in readings if reading[0] < cut]
        table.store(path, rows(stored[done:]))
        done = len(stored)
        with closing(Follower(path)) as follower:
            follower.tick(START + cut * SECOND)
    return state_changes(path)


def state_changes(path: Path) -> Changes:
    with closing(ledger.open_ledger(path)) as connection:
        transitions = [transition for _, transition in ledger.transitions(connection)]
    return [
        ((transition.timestamp_ns - START) // SECOND, transition.state_to)
        for transition in transitions
        if transition.state_to in {"firing", "resolved"} and transition.state_from != "flapping"
    ]


READINGS = st.lists(st.tuples(st.integers(0, END - 1), st.integers(-3, 6)), min_size=10, max_size=80)


RULES = st.tuples(st.sampled_from([15.0, 70.0]), st.sampled_from(["both", "up", "down"]), st.sampled_from([1, 4]))


@settings(max_examples=40, deadline=None)
@given(READINGS, st.lists(st.integers(1, END), max_size=5), RULES)
def test_restarts_and_steps_give_the_means_of_all_readings_at_once(
    tmp_path_factory: pytest.TempPathFactory, readings: list[Reading], cuts: list[int], rule: tuple[float, str, int]
) -> None:
    readings = sorted(readings, key=lambda reading: reading[0])
    percent, direction, least = rule
    text = f'percent = {percent}\ndirection = "{direction}"\nmin_readings = {least}'
    changes = by_watching(tmp_path_factory.mktemp("drift") / "trace.db", readings, cuts, text)
    assert changes == by_numpy(readings, percent, direction, least)


def test_the_reference_fires_for_a_mean_that_changes() -> None:
    readings = [(second, 10.0 if second // 40 % 2 else 1.0) for second in range(END)]
    assert len(by_numpy(readings, 20.0, "both", 5)) >= 3, "the reference must fire, or it shows nothing"


@pytest.mark.parametrize(
    ("mean", "before", "change"),
    [(12.0, 10.0, 20.0), (8.0, 10.0, -20.0), (-8.0, -10.0, 20.0), (0.0, 0.0, 0.0), (1.0, 0.0, math.inf)],
)
def test_the_change_is_relative_to_the_size_of_the_mean_before(mean: float, before: float, change: float) -> None:
    assert change_percent(mean, before) == change


def test_a_mean_that_leaves_zero_fires_in_its_direction(tmp_path: Path) -> None:
    readings = [(second, 0.0 if second < 60 else -1.0) for second in range(120)]
    (tmp_path / "down").mkdir()
    (tmp_path / "up").mkdir()
    fired = by_watching(tmp_path / "down" / "t.db", readings, (), 'direction = "down"')
    assert fired[0] == (62, "firing")
    assert by_watching(tmp_path / "up" / "t.db", readings, (), 'direction = "up"')[:1] != fired[:1]


def test_readings_that_are_missing_or_not_finite_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    numbers = [(second, 5.0) for second in range(0, 100, 2)]
    others = [
        row._replace(data_value=text, data_type=data_type)
        for (text, data_type), row in zip(
            [("nan", "float"), ("inf", "float"), ("None", "NoneType"), ("9", "str")] * 12,
            rows([(second, 0.0) for second in range(1, 97, 2)]),
            strict=True,
        )
    ]
    (tmp_path / sources.NAME).write_text(f'[[rule]]\nname = "r"\nkind = "drift"\nwindow = {WINDOW}\npercent = 1\n')
    table.store(path, sorted([*rows(numbers), *others], key=lambda row: row.timestamp))
    with closing(Follower(path)) as follower:
        follower.tick(START + 100 * SECOND)
    assert state_changes(path) == []


def test_a_late_reading_counts_from_the_next_edge_on(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    (tmp_path / sources.NAME).write_text(f'[[rule]]\nname = "r"\nkind = "drift"\nwindow = {WINDOW}\npercent = 50\n')
    table.store(path, rows([(second, 10.0) for second in range(60)]))
    with closing(Follower(path)) as follower:
        follower.tick(START + 60 * SECOND)
        table.store(path, rows([(50, 1000.0)]))
        follower.tick(START + 61 * SECOND)
        assert state_changes(path) == []
        follower.tick(START + 62 * SECOND)
    assert state_changes(path) == [(62, "firing")]


def test_an_alert_says_both_means(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    table.store(path, rows([(second, 10.0 if second < 50 else 15.0) for second in range(80)]))
    rule = parsing.parse_rule({"name": "r", "kind": "drift", "window": WINDOW, "percent": 20})
    result = backtest.backtest(path, rule, Window(START, START + 80 * SECOND))
    [firing] = result.firings
    assert firing.labels["data"] == "x"
    assert firing.summary == "mean 12.0833, +20.8 % from 10 in the window before"


def test_the_command_line_backtests_and_saves_a_drift_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.db"
    table.store(path, rows([(second, 10.0 if second < 50 else 15.0) for second in range(80)]))
    fields = ("drift", f"window={WINDOW}", "percent=20", "direction=up")
    period = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:02:00Z")
    assert main(["rules", "test", "--log", str(path), "r", *fields, *period]) == 0
    assert "“r” would have fired 1 time" in capsys.readouterr().out
    assert main(["rules", "add", "--log", str(path), "r", *fields]) == 0
    capsys.readouterr()
    assert main(["rules", "list", "--log", str(path)]) == 0
    assert capsys.readouterr().out == "r  [drift, from page]  window=24.0 direction=up\n"


@pytest.mark.parametrize("wrong", [{"window": "0s"}, {"percent": -1}, {"direction": "left"}, {"function": "f"}])
def test_a_drift_rule_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadParameter, match=next(iter(wrong))):
        parsing.parse_rule({"name": "r", "kind": "drift", **wrong})


def test_a_window_has_whole_buckets() -> None:
    assert (Drift(window_s=24).step_ns, Drift(window_s=24).window_ns) == (STEP * SECOND, WINDOW * SECOND)
    assert (Drift(window_s=5).step_ns, Drift(window_s=5).window_ns) == (SECOND, 5 * SECOND)
