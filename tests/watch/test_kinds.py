"""Each kind of rule, and what each does when there is nothing to judge."""

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
Told = list[tuple[str, int]]
Judged = Callable[..., Told]


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Judged]:
    """Judge by one rule: the flips (state, second) after rows were stored and the watcher looked at these seconds."""
    log = tmp_path / "trace.db"
    table.store(log, [])
    follows: list[Follower] = []

    def judge(rule: str, rows: list[Row], *looks: int, writers: Sequence[WriterStatus] = ()) -> Told:
        (tmp_path / sources.NAME).write_text(f'[[rule]]\nname = "r"\n{rule}\n')
        table.store(log, rows)
        follows[:] = follows or [Follower(log)]
        for second in looks:
            follows[0].tick(START + second * SECOND, writers)
        with closing(ledger.open_ledger(log)) as book:
            return [(flip.state_to, (flip.timestamp_ns - START) // SECOND) for _, flip in ledger.transitions(book)]

    yield judge
    for each in follows:
        each.close()


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
    judged: Judged, policy: str, then: Told, rule: str, texts: str
) -> None:
    rule = f'{rule}\nno_data = "{policy}"\nno_data_after = 30'
    assert judged(rule, values(*texts[:3]), 5, 31) == [("firing", 2)]
    found = judged(rule, [], 33, 45)
    assert found[1:] == then[:1]
    found = judged(rule, values(texts[3], start=50), 51)
    assert found[1:] == (then or [("resolved", 50)])


@pytest.mark.parametrize(
    ("policy", "then"),
    [("keep", []), ("ok", [("resolved", 43)]), ("alert", [("no data", 43)])],
)
@pytest.mark.parametrize("rule", ['kind = "error_rate"\nabove = 0.5', 'kind = "latency"\nabove = 0.1'])
def test_figures_of_no_calls_keep_their_state_are_ok_or_alert_after_their_own_delay(
    judged: Judged, policy: str, then: Told, rule: str
) -> None:
    rule = f'{rule}\nwindow = 10\nno_data = "{policy}"\nno_data_after = 30'
    rows = calls(0, 1, 2, failed=True)
    assert judged(rule, rows, 5, 42) == [("firing", 1)]  # the window that ends at 13 is the first without a call
    assert judged(rule, [], 44, 60)[1:] == then


def test_data_that_come_back_wrong_fire_on_with_their_value(judged: Judged, tmp_path: Path) -> None:
    rule = 'kind = "value"\nabove = 6\nno_data = "alert"\nno_data_after = 30\nflap_count = 9'
    assert judged(rule, values("7"), 1, 40) == [("firing", 0), ("no data", 30)]
    assert judged(rule, values("9", start=50), 51)[2:] == [("firing", 50)]
    with closing(ledger.open_ledger(tmp_path / "trace.db")) as book:
        assert ledger.newest_transitions(book, "r", 1)[0].value == "9"
    assert judged(rule, values("1", start=60), 61)[3:] == [("resolved", 60)]


def test_a_process_that_calls_nothing_is_silent_though_its_values_come(judged: Judged) -> None:
    rule = 'kind = "silent"\nof = "calls"\nafter = 30'
    rows = [*calls(0, 5), *calls(0, 20, process="q"), *values(*"123456789", start=5)]
    assert judged(rule, rows, 14, 34) == []
    assert judged(rule, calls(40, process="q"), 41) == [("firing", 35)]
    assert judged(rule, calls(45), 46) == [("firing", 35), ("resolved", 45)]


def test_keep_firing_for_outlasts_a_short_recovery(judged: Judged) -> None:
    rule = 'kind = "value"\nabove = 6\nkeep_firing_for = 5\nfor = 2'
    assert judged(rule, values("7", "7", "7", "1", "1", "7", "1"), 7, 10, 12) == [
        ("pending", 0),
        ("firing", 2),
        ("resolved", 11),
    ]


def status(dropped: int, state: str = "OK") -> WriterStatus:
    return WriterStatus("p", None, 1, state, 0, 99, 0, dropped, 0, None, None, "")  # type: ignore[arg-type]


def test_a_writer_that_drops_rows_is_told_and_what_it_had_dropped_before_is_not(judged: Judged) -> None:
    rule = 'kind = "writer"\nkeep_firing_for = 10'
    assert judged(rule, [], 1, 2, writers=[status(5)]) == []
    assert judged(rule, [], 3, writers=[status(9)]) == [("firing", 3)]
    assert judged(rule, [], 4, 20, writers=[status(9)]) == [("firing", 3), ("resolved", 14)]
    assert judged('kind = "writer"\ndrops = false', [], 21, 22, writers=[status(30)])[2:] == []


def test_an_open_circuit_is_told_and_a_writer_that_is_gone_only_if_asked(judged: Judged) -> None:
    assert judged('kind = "writer"', [], 1, writers=[status(0, "GONE")]) == []
    assert judged('kind = "writer"', [], 2, writers=[status(0, "CIRCUIT_OPEN")]) == [("firing", 2)]
    found = judged('kind = "writer"\nstates = ["GONE"]', [], 3, writers=[status(0, "GONE")])
    assert found[-1] == ("firing", 3)


def test_calls_at_a_pace_that_changed_are_told(judged: Judged) -> None:
    rule = 'kind = "throughput"\nchanged_percent = 55\nwindow = 10'
    rows = calls(*range(30), *(30 + tenth // 2 for tenth in range(60)))
    assert judged(rule, rows, 60) == [("firing", 36), ("resolved", 43)]
