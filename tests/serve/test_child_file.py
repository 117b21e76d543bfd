"""Large exports on a real server: killed writers, readers that leave, and too many at once."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from obs_core.errors import WorkerFailed
from obs_core.model import Row
from obs_core.serve import child_file
from tests.support import dashboard, table

PATH = "/export/rows.csv?from=first&to=last"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dashboard.Dashboard]:
    """A server on a log of 60 MB: more than the buffers between it and a reader."""
    log = tmp_path_factory.mktemp("files") / "trace.db"
    rows = (Row("value", "web", "v", table.START_NS + at, data_value=f"{at} " + "x" * 3_000) for at in range(20_001))
    table.store(log, list(rows))
    with dashboard.running(log) as started:
        yield started


def asked(port: int, method: str = "GET") -> socket.socket:
    """A connection that has asked for all rows, and reads nothing yet."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", port))
    connection.sendall(f"{method} {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    return connection


def received(connection: socket.socket) -> bytes:
    """Everything that arrives until the server closes the connection."""
    parts = []
    with suppress(ConnectionResetError):
        while part := connection.recv(1 << 20):
            parts.append(part)
    return b"".join(parts)


def writers(server: dashboard.Dashboard) -> list[int]:
    """The processes that write files for the server."""
    children = psutil.Process(server.process.pid).children()
    return [child.pid for child in children if "obs_core.export.child_process" in command_of(child)]


def command_of(process: psutil.Process) -> list[str]:
    """The command line of a process; empty if it has ended."""
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def until_writers(server: dashboard.Dashboard, count: int) -> list[int]:
    """The writing processes once there are `count` of them."""
    end = time.monotonic() + 60
    while len(found := writers(server)) != count and time.monotonic() < end:
        time.sleep(0.05)
    assert len(found) == count
    return found


def test_readers_that_leave_end_their_writers_and_no_more_than_four_write(server: dashboard.Dashboard) -> None:
    with ExitStack() as readers:
        for _ in range(child_file.MOST):
            assert readers.enter_context(asked(server.port)).recv(12) == b"HTTP/1.1 200"
        until_writers(server, child_file.MOST)
        with asked(server.port) as further:
            head, _, body = received(further).decode().partition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 429")
        assert "retry-after: 10" in head.lower()
        assert json.loads(body)["error"].startswith("4 files are being written")
        assert len(writers(server)) == child_file.MOST
    until_writers(server, 0)
    with asked(server.port) as again:
        whole = received(again)
    assert whole.startswith(b"HTTP/1.1 200")
    assert b"20000 xxx" in whole
    until_writers(server, 0)


def test_a_killed_writer_leaves_a_last_line_that_reports_it(server: dashboard.Dashboard) -> None:
    with asked(server.port) as reader:
        assert reader.recv(12) == b"HTTP/1.1 200"
        (writer,) = until_writers(server, 1)
        os.kill(writer, signal.SIGKILL)
        whole = received(reader)
    assert b"ERROR: this file is not complete. The writing process ended with code -9" in whole[-300:]


def test_a_question_for_the_head_writes_nothing(server: dashboard.Dashboard) -> None:
    with asked(server.port, "HEAD") as reader:
        head = received(reader)
    assert head.startswith(b"HTTP/1.1 200")
    assert head.endswith(b"\r\n\r\n")
    assert writers(server) == []


def test_a_program_that_can_not_be_started_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "nothing"))
    with pytest.raises(WorkerFailed, match="can't be written"):
        child_file.start(b"{}")
