"""Following a log: the same transitions in all steps; restarts, late rows, wrong clocks, writers that are behind."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs_core.alerts import ledger
from obs_core.alerts.rules import sources
from obs_core.capture.drain.writer_status import WriterStatus
from obs_core.clock import HOUR, SECOND, iso_ns
from obs_core.errors import LogMissing
from obs_core.model import Row
from obs_core.series import snapshot
from obs_core.store import log as store
from obs_core.watch import follower
from tests.support import data, recorded, table

START = table.START_NS
STALE = '[[rule]]\nname = "stuck"\nkind = "stale"\nthreshold = 2\n'
Transition = tuple[str, str, int]


def readings(*texts: str, start: int = 0, step: int = 1, process: str = "p") -> list[Row]:
    """Readings of one series, one second apart."""
    return [
        Row("value", process, "x", START + (start + number * step) * SECOND, data_type="float", data_value=text)
        for number, text in enumerate(texts)
    ]


def transitions(log: Path) -> list[Transition]:
    """The recorded transitions of the log, with their times in seconds."""
    with closing(ledger.open_ledger(log)) as connection:
        return [
            (transition.state_from, transition.state_to, (transition.timestamp_ns - START) // SECOND)
            for _, transition in ledger.transitions(connection)
        ]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "trace.db"
    table.store(path, [])
    return path


@pytest.fixture
def tick(log: Path) -> Iterator[Callable[..., int]]:
    """Ticks of one watcher of the log, at a time in seconds after START."""
    with closing(follower.Follower(log)) as opened:
        yield lambda second, writers=(): opened.tick(START + second * SECOND, writers)


def rule(log: Path, text: str) -> None:
    (log.parent / sources.NAME).write_text(text)


def test_a_stale_value_fires_at_the_reading_that_made_it_stale_and_resolves_at_another_value(
    log: Path, tick: Callable[..., int]
) -> None:
    rule(log, STALE)
    tick(0)
    table.store(log, readings("1", "1", "1", "1"))
    assert tick(5) == 4
    assert transitions(log) == [("inactive", "firing", 2)]
    table.store(log, readings("2", start=6))
    tick(7)
    assert transitions(log) == [("inactive", "firing", 2), ("firing", "resolved", 6)]
    assert tick(8) == 0


def test_while_no_row_arrives_progress_is_still_recorded_every_few_seconds(log: Path, tick: Callable[..., int]) -> None:
    rule(log, STALE)
    table.store(log, readings("1"))
    recorded_s = []
    for second in (1, 2, 60, 61, 65):
        tick(second)
        with closing(ledger.open_ledger(log)) as connection:
            recorded_s.append((ledger.evaluated_ranges(connection)["stuck"].evaluated_ns - START) // SECOND)
    assert recorded_s == [1, 1, 60, 60, 65]


def test_warning_and_critical_are_two_alerts(log: Path, tick: Callable[..., int]) -> None:
    rule(log, STALE + "critical = 4\n")
    table.store(log, readings(*"11111"))
    tick(9)
    with closing(ledger.open_ledger(log)) as connection:
        assert [
            (transition.severity, transition.timestamp_ns - START) for _, transition in ledger.transitions(connection)
        ] == [
            ("warning", 2 * SECOND),
            ("critical", 4 * SECOND),
        ]


def test_annotations_have_the_value_its_repeats_and_the_code_that_recorded_it(
    log: Path, tick: Callable[..., int]
) -> None:
    rule(log, STALE + 'annotations = { text = "{{ $labels.process }} is at {{ $value }}" }\n')
    call = Row("call", "p", "read", START, trace_id="a" * 32, span_id="b" * 16, function="m.read")
    rows = [row._replace(trace_id="a" * 32, parent_span_id="b" * 16) for row in readings("7", "7", "7")]
    table.store(log, [call, *rows])
    tick(9)
    with closing(ledger.open_ledger(log)) as connection:
        ((_, transition),) = ledger.transitions(connection)
    assert '"code_function":"m.read"' in transition.annotations
    assert '"repeats":"3"' in transition.annotations
    assert '"text":"p is at 7"' in transition.annotations
    assert transition.labels == '{"alertname":"stuck","data":"x","process":"p","severity":"warning"}'


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from("1112"), min_size=1, max_size=40),
    st.lists(st.integers(1, 12), max_size=5),
    st.sampled_from([0, 3]),
    st.sampled_from([0, 2]),
)
def test_steps_and_restarts_between_them_do_not_change_the_transitions(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], steps: list[int], hold: int, keep: int
) -> None:
    rows = readings(*texts)
    results = []
    for cuts in ([], steps):
        path = tmp_path_factory.mktemp("steps") / "trace.db"
        rule(path, STALE + f"for = {hold}\nkeep_firing_for = {keep}\n")
        table.store(path, [])
        at = 0
        for step in [*cuts, len(rows)]:
            table.store(path, rows[at : at + step])
            at = min(at + step, len(rows))
            with closing(follower.Follower(path)) as opened:
                opened.tick(START + (at - 1) * SECOND)
        results.append(transitions(path))
    assert results[0] == results[1]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from(["1", "1", "2", "3", "nan"])), min_size=1, max_size=40),
    st.lists(st.integers(1, 12), min_size=1, max_size=5),
    st.lists(st.sampled_from(["", 'tolerance = 1\ndata = "x"', 'missing = "skip"', "tolerance = 1"]), max_size=5),
)
def test_rules_that_are_added_and_removed_between_steps_give_the_same_transitions_as_from_the_start(
    tmp_path_factory: pytest.TempPathFactory, typed: list[tuple[str, str]], steps: list[int], more: list[str]
) -> None:
    rows = [row._replace(data=data) for (data, text), row in zip(typed, readings(*(t for _, t in typed)), strict=True)]
    last = STALE + (f'[[rule]]\nname = "more"\nkind = "stale"\nthreshold = 2\n{more[-1]}\n' if more else "")
    results = []
    for cuts in ([], steps):
        path = tmp_path_factory.mktemp("rules") / "trace.db"
        table.store(path, [])
        at = 0
        for number, step in enumerate([*cuts, len(rows)]):
            is_last = number == len(cuts)
            extra = more[number % len(more)] if more else ""
            rule(path, last if is_last else STALE + f'[[rule]]\nname = "r{number}"\nkind = "stale"\n{extra}\n')
            table.store(path, rows[at : at + step])
            at = min(at + step, len(rows))
            with closing(follower.Follower(path)) as opened:
                opened.tick(START + (at - 1) * SECOND)
        with closing(ledger.open_ledger(path)) as connection:
            recorded_by_rules = [
                transition for _, transition in ledger.transitions(connection) if transition.rule in ("stuck", "more")
            ]
            results.append(
                sorted(
                    (transition.rule, transition.timestamp_ns, transition.state_to, transition.labels)
                    for transition in recorded_by_rules
                )
            )
    assert results[0] == results[1]


def test_late_readings_are_evaluated_in_order(log: Path, tick: Callable[..., int]) -> None:
    rule(log, STALE)
    table.store(log, readings("1", "1", step=4))
    tick(5)
    table.store(log, readings("1", start=2))
    tick(6)
    assert [transition[:2] for transition in transitions(log)] == [("inactive", "firing")]
    table.store(log, readings("9", start=3))
    tick(7)
    assert [transition[:2] for transition in transitions(log)] == [("inactive", "firing"), ("firing", "resolved")]


@pytest.mark.parametrize("name", ["'q'", "nul\0", "", "\udcff"])
def test_late_readings_of_a_series_with_an_unusual_name_are_evaluated_in_order(log: Path, name: str) -> None:
    rule(log, STALE)
    with closing(follower.Follower(log)) as opened:
        for second, late in ((5, readings("1", "1", step=4)), (6, readings("1", start=2))):
            table.store(log, late)
            with closing(store.open_log(log)) as connection, connection:
                raw = name.encode(errors="surrogateescape")
                connection.execute("UPDATE data_trace SET data = CAST(? AS TEXT)", (raw,))
            opened.tick(START + second * SECOND)
    assert [transition[:2] for transition in transitions(log)] == [("inactive", "firing")]


def test_the_snapshot_of_series_can_be_deleted(log: Path) -> None:
    rule(log, STALE)
    table.store(log, readings("1", "1"))
    with closing(follower.Follower(log)) as opened:
        opened.tick(START + 3 * SECOND)
    for path in log.parent.glob("*.rollup.db*"):
        path.unlink()
    table.store(log, readings("1", start=2))
    with closing(follower.Follower(log)) as opened:
        opened.tick(START + 4 * SECOND)
    assert transitions(log) == [("inactive", "firing", 2)]


def test_a_ledger_ahead_of_the_checkpoint_causes_no_duplicate_transitions(log: Path) -> None:
    rule(log, STALE)
    table.store(log, readings("1", "1"))
    with closing(follower.Follower(log)) as opened:
        opened.tick(START + 3 * SECOND)
    before = snapshot.path_of(log).read_bytes()
    table.store(log, readings("1", "2", "2", "2", start=2))
    with closing(follower.Follower(log)) as opened:
        opened.tick(START + 8 * SECOND)
    expected = transitions(log)
    snapshot.path_of(log).write_bytes(before)
    table.store(log, readings("3", start=9))
    with closing(follower.Follower(log)) as opened:
        opened.tick(START + 10 * SECOND)
    assert transitions(log) == [*expected, ("firing", "resolved", 9)]


def test_silence_starts_some_time_after_the_last_reading_and_ends_with_the_next(
    log: Path, tick: Callable[..., int]
) -> None:
    rule(log, '[[rule]]\nname = "quiet"\nkind = "silent"\nafter = 30\n')
    table.store(log, readings("1"))
    tick(1)
    tick(29)
    assert transitions(log) == []
    tick(40)
    table.store(log, readings("1", start=41))
    tick(42)
    assert transitions(log) == [("inactive", "firing", 30), ("firing", "resolved", 41)]


@pytest.mark.parametrize("wrong", [-START, 300 * 365 * 24 * HOUR - START, 24 * HOUR])
def test_processes_with_clocks_in_1970_or_in_the_future_are_not_silent_while_rows_arrive(
    log: Path, tick: Callable[..., int], wrong: int
) -> None:
    rule(log, '[[rule]]\nname = "quiet"\nkind = "silent"\nafter = 30\n')
    tick(0)
    for second in range(10, 100, 10):
        row = readings("1", start=second)[0]
        time_ns = row.timestamp + wrong if wrong <= 24 * HOUR else 2**62 + second
        table.store(log, [row._replace(timestamp=time_ns)])
        tick(second)
    assert transitions(log) == []
    tick(200)
    assert [transition[:2] for transition in transitions(log)] == [("inactive", "firing")]


def behind(process: str) -> Sequence[WriterStatus]:
    return [WriterStatus(process, None, 1, "DELAYED", 9, 99, 0, 0, 0, None, None, "")]


def test_while_a_writer_is_behind_its_process_is_neither_silent_nor_stale(log: Path, tick: Callable[..., int]) -> None:
    rule(log, STALE + '[[rule]]\nname = "quiet"\nkind = "silent"\nafter = 30\n')
    table.store(log, readings(*"1111"))
    tick(5, behind("p"))
    tick(90, behind("p"))
    assert transitions(log) == []
    tick(91)
    assert [transition[:2] for transition in transitions(log)] == [("inactive", "firing")] * 2


def test_writers_are_evaluated_by_their_state(log: Path, tick: Callable[..., int]) -> None:
    rule(log, '[[rule]]\nname = "late"\nkind = "writer"\nkeep_firing_for = 10\n')
    tick(0, behind("p"))
    tick(5)
    tick(30)
    assert transitions(log) == [("inactive", "firing", 0), ("firing", "resolved", 15)]


def test_error_rate_latency_and_throughput_are_evaluated_over_their_window(log: Path, tick: Callable[..., int]) -> None:
    rule(
        log,
        '[[rule]]\nname = "errors"\nkind = "error_rate"\nabove = 0.4\nwindow = 60\n'
        '[[rule]]\nname = "slow"\nkind = "latency"\nabove = 100\nwindow = 60\npercentile = 50\n'
        '[[rule]]\nname = "few"\nkind = "throughput"\nbelow = 0.05\nwindow = 60\n',
    )
    calls = [
        Row("call", "p", "f", START + second * SECOND, status="ERROR" if second >= 30 else "OK", duration_ns=10**6)
        for second in range(60)
    ]
    table.store(log, calls)
    tick(60)
    with closing(ledger.open_ledger(log)) as connection:
        ((_, transition),) = ledger.transitions(connection)
        assert (transition.rule, transition.state_to) == ("errors", "firing")
        # after n seconds of errors, n / (30 + n) > 0.4: n = 21, evaluated at the next step
        assert (transition.timestamp_ns - START) // SECOND == 51
    tick(200)
    with closing(ledger.open_ledger(log)) as connection:
        assert [(transition.rule, transition.state_to) for _, transition in ledger.transitions(connection)][1:] == [
            ("few", "firing")
        ]


def test_an_exception_type_is_new_only_once_even_after_a_restart(log: Path) -> None:
    rule(log, '[[rule]]\nname = "new"\nkind = "new_exception"\n')
    for second in (0, 1000):
        table.store(log, [Row("call", "p", "f", START + second * SECOND, status="ERROR", exception="ValueError: x")])
        with closing(follower.Follower(log)) as opened:
            opened.tick(START + (second + 1) * SECOND)
    assert transitions(log) == [("inactive", "firing", 0), ("firing", "resolved", 300)]


def test_the_alerts_of_a_removed_rule_resolve_and_a_new_rule_is_evaluated_over_the_whole_log(
    log: Path, tick: Callable[..., int]
) -> None:
    rule(log, STALE)
    table.store(log, readings(*"111"))
    tick(5)
    rule(log, STALE.replace("stuck", "other"))
    tick(6)
    with closing(ledger.open_ledger(log)) as connection:
        assert [
            (transition.rule, transition.state_to, (transition.timestamp_ns - START) // SECOND)
            for _, transition in ledger.transitions(connection)
        ] == [
            ("stuck", "firing", 2),
            ("stuck", "resolved", 6),
            ("other", "firing", 2),
        ]


def test_an_invalid_rule_keeps_its_version_from_before_and_the_others_change(log: Path) -> None:
    hot = '[[rule]]\nname = "hot"\nkind = "value"\nabove = {}\n'
    rule(log, STALE + hot.format(100))
    table.store(log, readings(*"111"))
    with closing(follower.Follower(log)) as opened:
        opened.tick(START + 5 * SECOND)
        rule(log, STALE + "nonsense = 1\n" + hot.format(5) + "[[rule]]\nkind = 'value'\n")
        table.store(log, readings(*"19", start=3))
        opened.tick(START + 6 * SECOND)
        assert [*opened.invalid] == ["stuck", "number 3 of the file"]
        assert "nonsense" in str(opened.invalid["stuck"])
    with closing(ledger.open_ledger(log)) as connection:
        happened = [(one.rule, one.state_to) for _, one in ledger.transitions(connection)]
    assert sorted(happened) == [("hot", "firing"), ("stuck", "firing"), ("stuck", "resolved")]


@pytest.mark.parametrize("text", [STALE + "nonsense = 1\n", "[[rule"])
def test_the_alerts_of_an_invalid_rule_stay_over_a_restart(log: Path, text: str) -> None:
    table.store(log, readings(*"111"))
    for second, (rules, invalid) in enumerate([(STALE, 0), (text, 1), (STALE, 0)], 5):
        rule(log, rules)
        if second == 7:
            assert transitions(log) == [("inactive", "firing", 2)]
            table.store(log, readings(*"2", start=7))
        with closing(follower.Follower(log)) as opened:
            opened.tick(START + (second + 1) * SECOND)
            assert len(opened.invalid) == invalid
    assert transitions(log) == [("inactive", "firing", 2), ("firing", "resolved", 7)]


def test_values_outside_the_limits_fire_and_values_inside_resolve(log: Path, tick: Callable[..., int]) -> None:
    rule(log, '[[rule]]\nname = "hot"\nkind = "value"\nabove = 5\nbelow = 1\n')
    table.store(log, readings("1", "6", "7", "5", "0.5"))
    tick(9)
    assert transitions(log) == [
        ("inactive", "firing", 1),
        ("firing", "resolved", 3),
        ("resolved", "firing", 4),
        ("firing", "flapping", 4),
    ]


def test_flapping_starts_and_ends_once_by_the_times_of_the_rows_even_over_restarts(log: Path) -> None:
    rule(log, '[[rule]]\nname = "hot"\nkind = "value"\nabove = 5\nflap_window = 20\n')
    table.store(log, [])
    for second, text in enumerate("66161111"):
        table.store(log, readings(text, start=second))
        with closing(follower.Follower(log)) as opened:
            opened.tick(START + second * SECOND)
    for second in (22, 23, 24):
        with closing(follower.Follower(log)) as opened:
            opened.tick(START + second * SECOND)
    assert transitions(log) == [
        ("inactive", "firing", 0),
        ("firing", "resolved", 2),
        ("resolved", "firing", 3),
        ("firing", "flapping", 3),
        ("firing", "resolved", 4),
        ("flapping", "resolved", 22),
    ]
    with closing(ledger.open_ledger(log)) as connection:
        assert [bool(transition.while_flapping) for _, transition in ledger.transitions(connection)] == [False] * 4 + [
            True,
            False,
        ]


def test_the_flapping_alerts_of_a_removed_rule_end(log: Path, tick: Callable[..., int]) -> None:
    rule(log, '[[rule]]\nname = "hot"\nkind = "value"\nabove = 5\n')
    table.store(log, readings(*"6161"))
    tick(5)
    rule(log, "")
    tick(6)
    assert transitions(log)[-1] == ("flapping", "resolved", 6)


def test_a_log_of_another_program_can_be_followed(tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415 - another program's hand

    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute(
            'CREATE TABLE data_trace (Process, Data, "Data Type", "Data Value", Timestamp, Status, Exception)'
        )
        times = [f"2026-01-01T00:00:0{second}Z" for second in range(4)]
        other.executemany(
            "INSERT INTO data_trace VALUES ('p', 'x', 'float', '1', ?, 'OK', '')", [(time,) for time in times]
        )
        other.commit()
    rule(path, STALE)
    with closing(follower.Follower(path)) as opened:
        opened.tick(START + 9 * SECOND)
    assert transitions(path) == [("inactive", "firing", 2)]


def test_recorded_series_that_change_and_declared_constants_do_not_alert(log: Path) -> None:
    rule(log, '[[rule]]\nname = "stuck"\nkind = "stale"\nconstant = ["ver*"]\n')
    recorded.imported(log, [data.series_file("dev_nab_negative.csv")])
    constant = [row._replace(data="version") for row in readings(*"1111111111")]
    table.store(log, constant)
    with closing(follower.Follower(log)) as opened:
        assert opened.tick(START + HOUR) == 0
        assert opened.at_id > 20_000
    assert transitions(log) == []


def test_the_tide_gauge_fires_at_the_times_of_its_reference(log: Path) -> None:
    rule(log, '[[rule]]\nname = "stuck"\nkind = "stale"\ndata = "sea*"\ntolerance = 1e-4\nthreshold = 1000\n')
    recorded.imported(log, [data.series_file("dev_tide_gauge.csv")])
    with closing(follower.Follower(log)) as opened:
        opened.tick(START)
    with closing(ledger.open_ledger(log)) as connection:
        fired, resolved = (transition for _, transition in ledger.transitions(connection))
    assert (fired.state_to, resolved.state_to) == ("firing", "resolved")
    times = [
        iso_ns(row["Timestamp"])
        for row in recorded.table(data.series_file("dev_tide_gauge.csv"))
        if row["Data"].startswith("sea")
    ]
    start_row = min(
        int(ref["start_row"])
        for ref in recorded.table(data.series_file("runs_break.csv"))
        if ref["process"] == "water_level" and ref["variable"].startswith("sea") and int(ref["length"]) in {3503, 709}
    )
    # of 4,212 readings the 1,001st fires, and the one after the last resolves
    assert [fired.timestamp_ns, resolved.timestamp_ns] == [times[start_row + 1000], times[start_row + 4212]]


def test_a_log_that_is_replaced_is_followed_from_its_start(log: Path) -> None:
    rule(log, STALE)
    table.store(log, readings(*"12345"))
    with closing(follower.Follower(log)) as opened:
        opened.tick(START + 9 * SECOND)
        for path in log.parent.glob("trace.db*"):
            if path.name in {"trace.db", "trace.db-wal", "trace.db-shm"}:
                path.rename(path.with_name(f"old-{path.name}"))
        table.store(log, readings(*"777", start=20))
        with pytest.raises(LogMissing, match="replaced"):
            opened.tick(START + 30 * SECOND)
    with closing(follower.Follower(log)) as opened:
        opened.tick(START + 31 * SECOND)
    assert transitions(log) == [("inactive", "firing", 22)]
