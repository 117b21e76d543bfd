"""Each kind of rule, and what each does without data."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from obs_core.alerts import ledger
from obs_core.alerts.rules import sources
from obs_core.capture.drain.writer_status import WriterStatus
from obs_core.clock import SECOND
from obs_core.model import Row, Status
from obs_core.watch.follower import Follower
from tests.support import table

START = table.START_NS
Changes = list[tuple[str, int]]
Evaluate = Callable[..., Changes]


@pytest.fixture
def evaluate(tmp_path: Path) -> Iterator[Evaluate]:
    """Evaluate one rule: the state changes (state, second) after rows were stored and ticks at these seconds."""
    log = tmp_path / "trace.db"
    table.store(log, [])
    followers: list[Follower] = []

    def run(rule: str, rows: list[Row], *ticks: int, writers: Sequence[WriterStatus] = ()) -> Changes:
        (tmp_path / sources.NAME).write_text(f'[[rule]]\nname = "r"\n{rule}\n')
        table.store(log, rows)
        followers[:] = followers or [Follower(log)]
        for second in ticks:
            followers[0].tick(START + second * SECOND, writers)
        with closing(ledger.open_ledger(log)) as connection:
            return [
                (transition.state_to, (transition.timestamp_ns - START) // SECOND)
                for _, transition in ledger.transitions(connection)
            ]

    yield run
    for follower in followers:
        follower.close()


def values(*texts: str, start: int = 0) -> list[Row]:
    return [
        Row("value", "p", "x", START + second * SECOND, data_type="float", data_value=text)
        for second, text in enumerate(texts, start)
    ]


def calls(*seconds: int, failed: bool = False, process: str = "p") -> list[Row]:
    status: Status = "ERROR" if failed else "OK"
    return [Row("call", process, "f", START + second * SECOND, status=status, duration_ns=10**6) for second in seconds]


@pytest.mark.parametrize(
    ("policy", "then"),
    [
        ("keep", []),
        ("ok", [("resolved", 32)]),
        ("alert", [("no data", 32), ("resolved", 50)]),
    ],
)
@pytest.mark.parametrize(
    ("rule", "texts"),
    [
        ('kind = "stale"\nthreshold = 2', "7778"),
        ('kind = "value"\nabove = 6', "1171"),
        ('kind = "value"\nallowed = ["1", "2"]', "1232"),
    ],
)
def test_a_series_without_data_keeps_its_state_is_ok_or_alerts_after_its_own_delay(
    evaluate: Evaluate, policy: str, then: Changes, rule: str, texts: str
) -> None:
    rule = f'{rule}\nno_data = "{policy}"\nno_data_after = 30'
    assert evaluate(rule, values(*texts[:3]), 5, 31) == [("firing", 2)]
    changes = evaluate(rule, [], 33, 45)
    assert changes[1:] == then[:1]
    changes = evaluate(rule, values(texts[3], start=50), 51)
    assert changes[1:] == (then or [("resolved", 50)])


@pytest.mark.parametrize(
    ("policy", "then"),
    [("keep", []), ("ok", [("resolved", 43)]), ("alert", [("no data", 43)])],
)
@pytest.mark.parametrize("rule", ['kind = "error_rate"\nabove = 0.5', 'kind = "latency"\nabove = 0.1'])
def test_rules_about_calls_without_calls_keep_their_state_are_ok_or_alert_after_their_own_delay(
    evaluate: Evaluate, policy: str, then: Changes, rule: str
) -> None:
    rule = f'{rule}\nwindow = 10\nno_data = "{policy}"\nno_data_after = 30'
    rows = calls(0, 1, 2, failed=True)
    assert evaluate(rule, rows, 5, 42) == [("firing", 1)]  # the window that ends at 13 is the first without a call
    assert evaluate(rule, [], 44, 60)[1:] == then


def test_a_value_that_returns_outside_its_limits_fires_again_with_its_value(evaluate: Evaluate, tmp_path: Path) -> None:
    rule = 'kind = "value"\nabove = 6\nno_data = "alert"\nno_data_after = 30\nflap_count = 9'
    assert evaluate(rule, values("7"), 1, 40) == [("firing", 0), ("no data", 30)]
    assert evaluate(rule, values("9", start=50), 51)[2:] == [("firing", 50)]
    with closing(ledger.open_ledger(tmp_path / "trace.db")) as connection:
        assert ledger.newest_transitions(connection, "r", 1)[0].value == "9"
    assert evaluate(rule, values("1", start=60), 61)[3:] == [("resolved", 60)]


def test_a_process_without_calls_is_silent_even_if_its_values_arrive(evaluate: Evaluate) -> None:
    rule = 'kind = "silent"\nof = "calls"\nafter = 30'
    rows = [*calls(0, 5), *calls(0, 20, process="q"), *values(*"123456789", start=5)]
    assert evaluate(rule, rows, 14, 34) == []
    assert evaluate(rule, calls(40, process="q"), 41) == [("firing", 35)]
    assert evaluate(rule, calls(45), 46) == [("firing", 35), ("resolved", 45)]


def test_keep_firing_for_outlasts_a_short_recovery(evaluate: Evaluate) -> None:
    rule = 'kind = "value"\nabove = 6\nkeep_firing_for = 5\nfor = 2'
    assert evaluate(rule, values("7", "7", "7", "1", "1", "7", "1"), 7, 10, 12) == [
        ("pending", 0),
        ("firing", 2),
        ("resolved", 11),
    ]


def status(dropped: int, state: str = "OK") -> WriterStatus:
    return WriterStatus("p", None, 1, state, 0, 99, 0, dropped, 0, None, None, "")  # type: ignore[arg-type]


def test_dropped_rows_fire_and_those_dropped_before_the_first_check_do_not(evaluate: Evaluate) -> None:
    rule = 'kind = "writer"\nkeep_firing_for = 10'
    assert evaluate(rule, [], 1, 2, writers=[status(5)]) == []
    assert evaluate(rule, [], 3, writers=[status(9)]) == [("firing", 3)]
    assert evaluate(rule, [], 4, 20, writers=[status(9)]) == [("firing", 3), ("resolved", 14)]
    assert evaluate('kind = "writer"\ndrops = false', [], 21, 22, writers=[status(30)])[2:] == []


def test_an_open_circuit_fires_and_a_writer_that_is_gone_only_if_the_rule_names_it(evaluate: Evaluate) -> None:
    assert evaluate('kind = "writer"', [], 1, writers=[status(0, "GONE")]) == []
    assert evaluate('kind = "writer"', [], 2, writers=[status(0, "CIRCUIT_OPEN")]) == [("firing", 2)]
    changes = evaluate('kind = "writer"\nstates = ["GONE"]', [], 3, writers=[status(0, "GONE")])
    assert changes[-1] == ("firing", 3)


def test_a_changed_throughput_fires(evaluate: Evaluate) -> None:
    rule = 'kind = "throughput"\nchanged_percent = 55\nwindow = 10'
    rows = calls(*range(30), *(30 + tenth // 2 for tenth in range(60)))
    assert evaluate(rule, rows, 60) == [("firing", 36), ("resolved", 43)]
