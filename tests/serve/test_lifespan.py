"""What the server does before the first page, and its child processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from obs_core.process_identity import birth_of
from obs_core.serve.lifespan import open_descriptors, send_at_once
from obs_core.supervisor import status_file
from obs_core.supervisor.state import Child

ROOT = Path(__file__).parents[2]


def test_small_answers_are_not_held_back() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        send_at_once(listening.getsockname()[1])
        assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_other_sockets_are_left_alone() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        send_at_once(1)
        assert not listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_no_file_is_opened_or_closed_on_the_way(tmp_path: Path) -> None:
    """Files, pipes and sockets of others are passed over."""
    read, write = os.pipe()
    with (tmp_path / "a").open("w"), socket.socket() as other, socket.socket(type=socket.SOCK_DGRAM):
        before = open_descriptors()
        send_at_once(1)
        assert open_descriptors() == before
        assert {read, write, other.fileno()} <= set(before)
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_receiver_lives_as_long_as_the_dashboard(tmp_path: Path, how: signal.Signals) -> None:
    log = tmp_path / "trace.db"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = {**os.environ, "OBS_LOG": str(log), "OBS_OTLP": "on", "OBS_OTLP_PORT": "0"}
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", port]
    with subprocess.Popen([*command, "--server.headless", "true"], cwd=ROOT, env=environment) as dashboard:
        child = _until_it_runs(log)
        assert child.pid is not None
        dashboard.send_signal(how)
    end = time.monotonic() + 30
    while birth_of(child.pid) is not None and time.monotonic() < end:
        time.sleep(0.05)
    assert birth_of(child.pid) is None
    assert status_file.children(log) == {}


def _until_it_runs(log: Path) -> Child:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        child = status_file.children(log).get("ingest")
        if child is not None and child.state == "running":
            return child
        time.sleep(0.05)
    pytest.fail("the receiver did not start")
