"""The state machine of a child process."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from obs_core.clock import MINUTE, SECOND
from obs_core.supervisor import state
from obs_core.supervisor.state import Child

NEW = Child("ingest", "off", 0, dashboard=1, birth=1)


def test_a_child_starts_is_ready_and_ends() -> None:
    started = state.started(NEW, 77, 1 * SECOND)
    assert (started.state, started.pid, started.since_ns) == ("starting", 77, 1 * SECOND)
    running = state.ready(started, "http://127.0.0.1:4318", 2 * SECOND)
    assert (running.state, running.address, running.since_ns) == ("running", "http://127.0.0.1:4318", 2 * SECOND)
    ended = state.ended(running, -9, "", 3 * SECOND)
    assert (ended.state, ended.pid, ended.address, ended.restarts) == ("waiting", None, None, 1)
    assert ended.last_error == "killed by signal 9"


def test_a_port_in_use_stays_the_state_until_a_start_succeeds() -> None:
    taken = state.ended(state.started(NEW, 77, SECOND), 98, "Port 4318 is in use.", 2 * SECOND)
    assert (taken.state, taken.last_error) == ("port in use", "Port 4318 is in use.")
    again = state.started(taken, 78, 20 * SECOND)
    assert (again.state, again.since_ns) == ("port in use", 2 * SECOND)
    assert state.delay_s(taken) == 15
    assert state.ready(again, "http://127.0.0.1:4318", 21 * SECOND).last_error == ""


def test_delays_double_up_to_a_minute() -> None:
    delays = []
    child = NEW
    for second in range(10):
        child = state.ended(state.started(child, 77, second * SECOND), 1, "", second * SECOND)
        delays.append(state.delay_s(child))
    assert delays == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_after_a_minute_of_running_earlier_failures_no_longer_count() -> None:
    running = state.ready(state.started(replace(NEW, failures=9), 77, 0), "http://x", 0)
    assert state.delay_s(state.ended(running, 1, "", MINUTE)) == 0.5
    assert state.delay_s(state.ended(running, 1, "", MINUTE - 1)) == 60


@given(st.lists(st.sampled_from([0, 1, 98, -9, -15]), max_size=40))
def test_every_exit_is_counted_and_every_delay_is_within_its_limits(codes: list[int]) -> None:
    child = NEW
    for now_ns, code in enumerate(codes):
        child = state.ended(state.started(child, 77, now_ns), code, "", now_ns)
        assert 0.5 <= state.delay_s(child) <= 60
    assert child.restarts == len(codes)
