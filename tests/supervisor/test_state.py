"""What becomes of a child, step by step."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from obs_core.clock import MINUTE, SECOND
from obs_core.supervisor import state
from obs_core.supervisor.state import Child

NEW = Child("ingest", "off", 0, dashboard=1, birth=1)


def test_it_starts_is_ready_and_ends() -> None:
    started = state.started(NEW, 77, 1 * SECOND)
    assert (started.state, started.pid, started.since_ns) == ("starting", 77, 1 * SECOND)
    running = state.ready(started, "http://127.0.0.1:4318", 2 * SECOND)
    assert (running.state, running.address, running.since_ns) == ("running", "http://127.0.0.1:4318", 2 * SECOND)
    ended = state.ended(running, -9, "", 3 * SECOND)
    assert (ended.state, ended.pid, ended.address, ended.restarts) == ("waiting", None, None, 1)
    assert ended.last_error == "it was ended by signal 9"


def test_a_taken_port_is_told_until_a_try_succeeds() -> None:
    taken = state.ended(state.started(NEW, 77, SECOND), 98, "Port 4318 is in use.", 2 * SECOND)
    assert (taken.state, taken.last_error) == ("port in use", "Port 4318 is in use.")
    again = state.started(taken, 78, 20 * SECOND)
    assert (again.state, again.since_ns) == ("port in use", 2 * SECOND)
    assert state.pause_s(taken) == 15
    assert state.ready(again, "http://127.0.0.1:4318", 21 * SECOND).last_error == ""


def test_pauses_double_up_to_a_minute() -> None:
    pauses = []
    each = NEW
    for second in range(10):
        each = state.ended(state.started(each, 77, second * SECOND), 1, "", second * SECOND)
        pauses.append(state.pause_s(each))
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_minute_of_work_makes_the_failures_before_it_forgotten() -> None:
    running = state.ready(state.started(replace(NEW, failures=9), 77, 0), "http://x", 0)
    assert state.pause_s(state.ended(running, 1, "", MINUTE)) == 0.5
    assert state.pause_s(state.ended(running, 1, "", MINUTE - 1)) == 60


@given(st.lists(st.sampled_from([0, 1, 98, -9, -15]), max_size=40))
def test_every_end_is_counted_and_every_pause_is_one(codes: list[int]) -> None:
    each = NEW
    for moment, code in enumerate(codes):
        each = state.ended(state.started(each, 77, moment), code, "", moment)
        assert 0.5 <= state.pause_s(each) <= 60
    assert each.restarts == len(codes)
