"""Real child processes: started, restarted, and never orphaned."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from obs_core import subprocesses
from obs_core.process_identity import birth_of
from obs_core.settings import Settings, from_environment
from obs_core.store import sqlite
from obs_core.supervisor import state, status_file, supervisor
from obs_core.supervisor.state import Child, ChildState

TIMEOUT_S = 60
PARENT = """
import sys, threading
from obs_core.supervisor import state, supervisor
from obs_core.settings import from_environment
state.PORT_DELAY_S = 0.2
running = supervisor.start(from_environment())
sys.stdin.read()
supervisor.stop(running)
"""

SPINS = """
import json
from obs_core import heartbeat
print(json.dumps({"address": "x"}), flush=True)
heartbeat.start()
heartbeat.beat()
while True:
    pass
"""
BUSY = """
import json, time
from obs_core import heartbeat
print(json.dumps({"address": "x"}), flush=True)
heartbeat.start()
end = time.monotonic() + 6
while time.monotonic() < end:
    heartbeat.beat()
print("done", flush=True)
raise SystemExit(65)
"""


def settings(log: Path, **changes: str) -> Settings:
    return from_environment({"OBS_LOG": str(log), "OBS_OTLP_PORT": "0", "OBS_WATCH": "off", **changes})


def child_in(*states: ChildState, log: Path, but: int | None = None, name: str = "ingest") -> Child:
    """The child of this log once it is in one of `states` and its pid is not `but`."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        child = status_file.children(log).get(name)
        if child is not None and child.state in states and (but is None or child.pid != but):
            return child
        time.sleep(0.05)
    pytest.fail(f"not {states} in time: {status_file.children(log)}")


def ends(pid: int) -> bool:
    end = time.monotonic() + TIMEOUT_S
    while birth_of(pid) is not None and time.monotonic() < end:
        time.sleep(0.05)
    return birth_of(pid) is None


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Settings], list[supervisor.Supervisor]]]:
    """Starts children as the dashboard does, on any free port, and ends them with the test."""
    monkeypatch.setenv("OBS_OTLP_PORT", "0")
    running: list[supervisor.Supervisor] = []

    def begin(changed: Settings) -> list[supervisor.Supervisor]:
        running.extend(supervisor.start(changed))
        return running

    yield begin
    supervisor.stop(running)


@pytest.fixture
def dashboard() -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts a program that supervises children like a dashboard, with these variables."""
    programs: list[subprocess.Popen[bytes]] = []

    def begin(log: Path, **variables: str) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "OBS_LOG": str(log), "OBS_OTLP_PORT": "0", "OBS_WATCH": "off", **variables}
        programs.append(subprocess.Popen([sys.executable, "-c", PARENT], env=environment, stdin=subprocess.PIPE))
        return programs[-1]

    yield begin
    for program in programs:
        program.kill()
        program.communicate()


Begin = Callable[[Settings], list[supervisor.Supervisor]]
Dashboard = Callable[..., "subprocess.Popen[bytes]"]


def test_the_receiver_runs_and_ends_with_its_supervisor(tmp_path: Path, start: Begin) -> None:
    log = tmp_path / "trace.db"
    running = start(settings(log))
    child = child_in("running", log=log)
    assert child.address is not None
    assert child.pid is not None
    with urllib.request.urlopen(f"{child.address}/healthz") as response:  # noqa: S310 - our own server's address
        assert f'"log":"{log}"' in response.read().decode()
    supervisor.stop(running)
    assert ends(child.pid)
    assert status_file.children(log) == {}
    assert not log.exists()  # nobody sent anything


def test_a_killed_child_is_restarted(tmp_path: Path, start: Begin) -> None:
    log = tmp_path / "trace.db"
    start(settings(log))
    first = child_in("running", log=log)
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    second = child_in("running", log=log, but=first.pid)
    assert second.restarts == 1


@pytest.mark.parametrize("name", ["watch", "ingest"])
def test_a_stopped_child_is_killed_and_restarted_and_the_reason_stays(tmp_path: Path, start: Begin, name: str) -> None:
    log = tmp_path / "trace.db"
    switches = {"OBS_OTLP": "off", "OBS_WATCH": "on"} if name == "watch" else {}
    (supervised,) = [one for one in start(settings(log, **switches)) if one.child.name == name]
    first = child_in("running", log=log, name=name)
    assert first.pid is not None
    while not supervised._beats:
        time.sleep(0.05)
    supervised._hang_s = 3
    os.kill(first.pid, signal.SIGSTOP)
    waiting = child_in("waiting", log=log, name=name)
    assert waiting.last_error == "It did not respond for 3 s and was stopped."
    assert ends(first.pid)
    supervised._hang_s = 30
    second = child_in("running", log=log, but=first.pid, name=name)
    assert (second.restarts, second.last_error, second.last_end) == (1, "", waiting.last_error)
    assert second.last_end_ns > first.since_ns


def test_a_watcher_in_an_endless_loop_is_restarted_with_growing_delays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocesses, "command", lambda *_: [sys.executable, "-c", SPINS])
    log = tmp_path / "trace.db"
    supervised = supervisor.Supervisor(supervisor.Program("watch", (), is_on=True), log, hang_s=1)
    supervised.start()
    try:
        seen: set[int] = set()
        while max(seen, default=0) < 3:
            seen.add(child_in("starting", "running", "waiting", log=log, name="watch").failures)
        assert state.delay_s(supervised.child) == 2.0
    finally:
        supervised.stop()


def test_a_busy_child_that_makes_progress_is_not_restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocesses, "command", lambda *_: [sys.executable, "-c", BUSY])
    log = tmp_path / "trace.db"
    supervised = supervisor.Supervisor(supervisor.Program("watch", (), is_on=True), log, hang_s=3)
    supervised.start()
    supervised._thread.join(TIMEOUT_S)  # it ends by itself, as one that can never do its work
    assert (supervised.child.state, supervised.child.last_end) == ("off", "done")
    supervised.stop()


def test_a_port_in_use_is_reported_and_retried_slowly(
    tmp_path: Path, start: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obs_core.supervisor.state.PORT_DELAY_S", 0.1)
    log = tmp_path / "trace.db"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("OBS_OTLP_PORT", str(port))
        start(settings(log))
        child = child_in("port in use", log=log)
        assert child.last_error.startswith(f"Port {port} on 127.0.0.1 is in use by another program.")
    assert child_in("running", log=log).address == f"http://127.0.0.1:{port}"


def test_a_disabled_child_does_not_run_and_is_reported_as_off(tmp_path: Path, start: Begin) -> None:
    log = tmp_path / "trace.db"
    start(settings(log, OBS_OTLP="off"))
    assert child_in("off", log=log).pid is None


def test_for_a_log_of_another_program_the_receiver_is_not_restarted(tmp_path: Path, start: Begin) -> None:
    path = tmp_path / "trace.db"
    connection = sqlite.connect(path, write=True, create=True)
    connection.execute("CREATE TABLE data_trace (a)")
    connection.close()
    first, _ = start(settings(path))
    first._thread.join(TIMEOUT_S)
    child = child_in("off", log=path)
    assert "was made by another program" in child.last_error
    assert child.pid is None


def test_the_watcher_runs_and_ends_with_its_supervisor(tmp_path: Path, start: Begin) -> None:
    log = tmp_path / "trace.db"
    running = start(settings(log, OBS_OTLP="off", OBS_WATCH="on"))
    child = child_in("running", log=log, name="watch")
    assert child.address == str(log)
    assert child.pid is not None
    supervisor.stop(running)
    assert ends(child.pid)
    assert not log.exists()  # it waits for the log and does not create it


def test_a_child_runs_even_if_its_status_can_not_be_written(tmp_path: Path, start: Begin) -> None:
    (tmp_path / "trace.db.d").write_text("a file where the folder should be")
    first, _ = start(settings(tmp_path / "trace.db"))
    end = time.monotonic() + TIMEOUT_S
    while first.child.state != "running" and time.monotonic() < end:
        time.sleep(0.05)
    assert first.child.state == "running"


def test_no_orphan_is_left_when_the_dashboard_is_killed(tmp_path: Path, dashboard: Dashboard) -> None:
    log = tmp_path / "trace.db"
    parent = dashboard(log)
    child = child_in("running", log=log)
    assert child.pid is not None
    assert birth_of(child.pid)
    parent.kill()
    parent.wait()
    assert ends(child.pid)
    assert status_file.children(log) == {}


def test_no_orphan_is_left_when_the_dashboard_is_killed_while_the_child_starts(
    tmp_path: Path, dashboard: Dashboard
) -> None:
    log = tmp_path / "trace.db"
    parent = dashboard(log)
    child = child_in("starting", "running", log=log)
    assert child.pid is not None
    parent.kill()
    parent.wait()
    assert ends(child.pid)


def test_a_second_dashboard_waits_for_the_port_and_takes_it_over(tmp_path: Path, dashboard: Dashboard) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    first = dashboard(tmp_path / "first.db", OBS_OTLP_PORT=port)
    child_in("running", log=tmp_path / "first.db")
    dashboard(tmp_path / "second.db", OBS_OTLP_PORT=port)
    child_in("port in use", log=tmp_path / "second.db")
    first.kill()
    first.wait()
    assert child_in("running", log=tmp_path / "second.db").address == f"http://127.0.0.1:{port}"
