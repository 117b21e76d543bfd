"""Rules about calls give the results of counting the calls of each window, whatever the steps of the watcher."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs_core.alerts import ledger
from obs_core.alerts.rules import sources
from obs_core.clock import SECOND
from obs_core.model import Row
from obs_core.watch.follower import Follower
from tests.support import table

START = table.START_NS
END = 40
Call = tuple[int, bool, int]  # second, failed, ms
Result = list[tuple[int, str]]
RULES = {
    "errors": 'kind = "error_rate"\nabove = 0.4',
    "many errors": 'kind = "error_rate"\nabove = 0.4\nmin_calls = 3',
    "slow": 'kind = "latency"\nabove = 100\npercentile = 50',
    "few": 'kind = "throughput"\nbelow = 0.5',
    "changed": 'kind = "throughput"\nabove = 1.1\nchanged_percent = 90',
}


def measured(name: str, calls: Sequence[Call], end: int) -> float | None:
    """The measured value of the five seconds before `end`, by counting; None if there are too few calls."""
    inside = [call for call in calls if end - 5 <= call[0] < end]
    if name in {"few", "changed"}:
        return None if end < 4 else len(inside) / 5  # the first call is at 0: a window is complete, to a second, at 4
    if len(inside) < (3 if name == "many errors" else 1):
        return None
    if name == "slow":
        return float(sorted(call[2] for call in inside)[(len(inside) - 1) // 2])
    return sum(call[1] for call in inside) / len(inside)


def holds(name: str, calls: Sequence[Call], end: int) -> bool | None:
    value = measured(name, calls, end)
    if value is None or name == "few":
        return None if value is None else value < 0.5
    if name == "changed":
        before = measured(name, calls, end - 5)
        return value > 1.1 or bool(before and abs(value - before) / before > 0.9)
    return value > (100 if name == "slow" else 0.4)


def by_counting(name: str, calls: Sequence[Call]) -> Result:
    """The seconds at which the condition starts and ends; without a value nothing changes."""
    result: Result = []
    fires = False
    for second in range(1, END + 1):
        if (now := holds(name, calls, second)) not in {None, fires}:
            fires = bool(now)
            result.append((second, "firing" if fires else "resolved"))
    return result


def by_watching(path: Path, calls: Sequence[Call], cuts: Sequence[int]) -> dict[str, Result]:
    """The transitions of each rule, with a restart of the watcher for each tick."""
    rules = (f'[[rule]]\nname = "{name}"\n{text}\nwindow = 5\nno_data = "keep"\n' for name, text in RULES.items())
    (path.parent / sources.NAME).write_text("".join(rules))
    table.store(path, [])
    done = 0
    for cut in [*sorted(cuts), END]:
        rows = [
            Row("call", "p", "f", START + second * SECOND, status="ERROR" if failed else "OK", duration_ns=ms * 10**6)
            for second, failed, ms in calls
            if second < cut
        ]
        table.store(path, rows[done:])
        done = len(rows)
        with closing(Follower(path)) as follower:
            follower.tick(START + cut * SECOND)
    results: dict[str, Result] = {name: [] for name in RULES}
    with closing(ledger.open_ledger(path)) as connection:
        for _, transition in ledger.transitions(connection):
            if transition.state_to in {"firing", "resolved"}:
                results[transition.rule].append(((transition.timestamp_ns - START) // SECOND, transition.state_to))
    return results


CALLS = st.lists(st.tuples(st.integers(0, END - 1), st.booleans(), st.sampled_from([50, 200])), max_size=40)


@settings(max_examples=30, deadline=None)
@given(CALLS, st.lists(st.integers(1, END), max_size=5))
def test_results_equal_those_of_counting_for_all_steps_and_restarts(
    tmp_path_factory: pytest.TempPathFactory, calls: list[Call], cuts: list[int]
) -> None:
    calls = sorted([(0, False, 50), *calls], key=lambda call: call[0])
    results = by_watching(tmp_path_factory.mktemp("windows") / "trace.db", calls, cuts)
    assert results == {name: by_counting(name, calls) for name in RULES}


def test_a_late_call_counts_from_the_next_window_on(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    (tmp_path / sources.NAME).write_text('[[rule]]\nname = "r"\nkind = "error_rate"\nabove = 0.35\nwindow = 5\n')
    calls = [Row("call", "p", "f", START + second * SECOND, status="OK", duration_ns=1) for second in range(20)]
    table.store(path, calls[:10])
    with closing(Follower(path)) as follower:
        follower.tick(START + 10 * SECOND)
        late = [call._replace(status="ERROR", timestamp=call.timestamp - SECOND // 2) for call in calls[6:10]]
        table.store(path, [*late, *calls[10:]])
        follower.tick(START + 20 * SECOND)
    with closing(ledger.open_ledger(path)) as connection:
        result = [
            ((transition.timestamp_ns - START) // SECOND, transition.state_to)
            for _, transition in ledger.transitions(connection)
        ]
    # at 11 those of 6.5, 7.5 and 8.5 of 8 calls had failed, at 12 two of 7
    assert result == [(11, "firing"), (12, "resolved")]


def test_a_wrong_clock_does_not_move_the_windows_of_other_processes(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    (tmp_path / sources.NAME).write_text('[[rule]]\nname = "r"\nkind = "error_rate"\nabove = 0.4\nwindow = 5\n')
    calls = [
        Row(
            "call", "p", "f", START + second * SECOND, status="ERROR" if second in {10, 11, 12} else "OK", duration_ns=1
        )
        for second in range(30)
    ]
    for index, time_ns in ((20, 0), (5, 2**62), (2, 7)):
        calls.insert(index, calls[0]._replace(timestamp=time_ns))
    table.store(path, calls)
    with closing(Follower(path)) as follower:
        follower.tick(START + 3600 * SECOND)
    with closing(ledger.open_ledger(path)) as connection:
        result = [
            ((transition.timestamp_ns - START) // SECOND, transition.state_to)
            for _, transition in ledger.transitions(connection)
        ]
    assert result == [(13, "firing"), (16, "resolved")]
