"""Each kind of rule, and what each does without data."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs_core.alerts import backtest, ledger
from obs_core.alerts.deliver import outbox, webhook_store
from obs_core.alerts.deliver.retry import Response
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.alerts.rules import parsing, sources
from obs_core.alerts.rules.kinds import KINDS
from obs_core.capture.drain.writer_status import WriterStatus
from obs_core.clock import SECOND, Window
from obs_core.model import Row, Status
from obs_core.watch import batches
from obs_core.watch import follower as follower_module
from obs_core.watch.follower import Follower
from tests.support import rules, table

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


END = 60
Activity = tuple[int, str | None]
"""The second of a call (None) or of a reading with this value."""
ACTIVITIES = st.lists(st.tuples(st.integers(0, END - 1), st.sampled_from([None, "1", "1", "200"])), max_size=60)


def quick(kind: str) -> dict[str, object]:
    """The suggested rule of a kind, with periods that are short enough to fire within a minute."""
    periods = {field.name: "8s" for field in KINDS[kind].fields if field.type == "period"}
    return {"name": "r", **rules.smallest(kind), **periods}


def rows_of(activities: Sequence[Activity]) -> list[Row]:
    return [
        values(text, start=second)[0]
        if text is not None
        else calls(second, failed=second % 3 == 0)[0]._replace(exception=f"E{second}:" if second % 3 == 0 else None)
        for second, text in activities
    ]


def toml(rule: dict[str, object]) -> str:
    lines = (f"{name} = {value!r}" for name, value in rule.items())
    return "[[rule]]\n" + "\n".join(lines) + "\n"


def followed(log: Path, rule: dict[str, object], rows: Sequence[Row], cuts: Sequence[int]) -> Changes:
    """The state changes from a watcher that is started again for each part of the rows."""
    (log.parent / sources.NAME).write_text(toml(rule))
    table.store(log, [])
    done = 0
    for cut in [*sorted(cuts), END]:
        new = [row for row in rows[done:] if row.timestamp < START + cut * SECOND]
        table.store(log, new)
        done += len(new)
        with closing(Follower(log)) as follower:
            follower.tick(START + cut * SECOND)
    with closing(ledger.open_ledger(log)) as connection:
        changes = [transition for _, transition in ledger.transitions(connection)]
    return sorted((change.state_to, change.timestamp_ns) for change in changes)


OF_ROWS = [kind.name for kind in KINDS.values() if kind.reads != "writers"]
STILL_TRUE = {"silent"}
"""Kinds with a condition that holds while no row arrives."""


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None)
@given(ACTIVITIES, st.lists(st.integers(1, END), max_size=3))
def test_restarts_change_no_result_of_any_kind(
    tmp_path_factory: pytest.TempPathFactory, kind: str, activities: list[Activity], cuts: list[int]
) -> None:
    rows = rows_of(sorted([(0, "1"), (0, None), *activities], key=lambda activity: activity[0]))
    rule = quick(kind)
    at_once = followed(tmp_path_factory.mktemp("once") / "trace.db", rule, rows, ())
    assert followed(tmp_path_factory.mktemp("cuts") / "trace.db", rule, rows, cuts) == at_once


def firing_rows(kind: str) -> list[Row]:
    """Fifty seconds of rows on which a rule of this kind fires."""
    readings = [(second, "1" if second < 30 else "200") for second in range(50) if not 15 <= second < 25]
    called = [(second, None) for second in range(50) if second > 30 or second % 6 == 1]
    rows = rows_of(sorted([*readings, *called], key=lambda activity: activity[0]))
    if kind == "latency":
        rows = [row._replace(duration_ns=10**9) if row.timestamp > START + 40 * SECOND else row for row in rows]
    return rows


@pytest.mark.parametrize("kind", OF_ROWS)
def test_every_kind_fires_on_a_log_made_for_it_and_in_a_backtest(tmp_path: Path, kind: str) -> None:
    rows = firing_rows(kind)
    assert "firing" in {state for state, _ in followed(tmp_path / "trace.db", quick(kind), rows, ())}
    window = Window(START, START + END * SECOND)
    assert backtest.backtest(tmp_path / "trace.db", parsing.parse_rule(quick(kind)), window).firings


def sent(log: Path, *seconds: int) -> list[tuple[int, int]]:
    """The numbers of firing and resolved alerts in each message that the webhook gets at these times."""
    messages = []
    with closing(ledger.open_ledger(log)) as connection:
        for second in seconds:
            now = START + second * SECOND
            outbox.queue(connection, now)
            for notification, _ in outbox.due_messages(connection, now, ""):
                messages.append((len(notification.firing), len(notification.resolved)))
                outbox.record(connection, notification, Response(200), now)
    return messages


def with_webhook(log: Path) -> None:
    table.store(log, [])
    with closing(ledger.open_ledger(log)) as connection:
        webhook_store.add(connection, Webhook("ops", "https://192.0.2.1/", group_wait_ns=0), START)
        connection.execute("UPDATE webhook SET last_transition_id = 0")  # it was there before the rule


@pytest.mark.parametrize("is_known", [False, True], ids=["new rule", "known rule of a watcher that was down"])
@pytest.mark.parametrize("kind", OF_ROWS)
def test_what_a_rule_finds_in_the_past_is_history_and_never_a_message(
    tmp_path: Path, kind: str, *, is_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, rule = tmp_path / "trace.db", quick(kind) | {"flap_count": 16}
    later = 40_000_000  # more than a year
    monkeypatch.setattr(follower_module, "BATCH", 10)
    monkeypatch.setattr(batches, "BATCH", 10)
    with_webhook(log)
    (tmp_path / sources.NAME).write_text(toml(rule))
    end = [Row("call", "p", "f", START + second * SECOND, duration_ns=10**6) for second in range(50, 90)]
    calm = values(*(str(second % 2) for second in range(30)), start=60)
    rows = [*firing_rows(kind), *end, *calm]
    rule_now = parsing.parse_rule(rule)
    if is_known:
        with closing(Follower(log)) as follower:
            follower.tick(START - SECOND)
            table.store(log, rows)
            during: list[tuple[int, int]] = []
            follower._progress = lambda *_: during.extend(sent(log, later))
            follower.tick(START + later * SECOND)
            assert during == []
    else:
        table.store(log, rows)
        with closing(Follower(log)) as follower:
            follower.tick(START + later * SECOND)
    with closing(ledger.open_ledger(log)) as connection:
        recorded = [transition for _, transition in ledger.transitions(connection)]
        active = [row.labels for row in ledger.alert_rows(connection) if row.state == "firing"]
    assert "firing" in {transition.state_to for transition in recorded}
    messages = sent(log, later, later + 60, later + 600)
    assert messages == ([(len(active), 0)] if active and is_known else [])
    assert bool(active) == (kind in STILL_TRUE)
    if not is_known:
        with closing(ledger.open_ledger(log)) as connection:
            assert webhook_store.deliveries(connection) == []
    window = Window(START, START + later * SECOND)
    assert "past firings are history" in backtest.backtest(log, rule_now, window).when_saved
