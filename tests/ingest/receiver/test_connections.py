"""Clients that send slowly or too much, on real sockets: they are cut off, and do not keep others out."""

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.ingest.receiver.test_receiving_programs import TIMEOUT_S, Running

HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
BODY = HEAD + b"Content-Length: 1000\r\n\r\n" + b"\x0a"
Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a receiver with these variables set."""
    with ExitStack() as stack:

        def begin(descriptors: int = 0, **environment: str) -> Running:
            environment = {"OBS_SPOOL_MB": "16", **environment}  # holds all batches, also while the log is slow
            running = Running(tmp_path / "trace.db", descriptors=descriptors, **environment)
            stack.callback(running.end)
            stack.callback(running.process.kill)
            return running

        yield begin


OPEN: list[socket.socket] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Closes the clients of a test."""
    yield
    while OPEN:
        OPEN.pop().close()


def client(running: Running, sent: bytes) -> socket.socket:
    """A client that has sent this."""
    host, port = running.address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), TIMEOUT_S)
    OPEN.append(connection)
    connection.sendall(sent)
    return connection


def answer(connection: socket.socket) -> bytes:
    """All that a client gets until the receiver closes the connection."""
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionResetError:
        pass
    return received


def dripped(connection: socket.socket, drop: bytes) -> bytes:
    """The answer to a client that sends this again and again, until the connection is closed."""
    received = b""
    try:
        while True:
            connection.sendall(drop)
            if select.select([connection], [], [], 0.05)[0]:
                if not (piece := connection.recv(65_536)):
                    return received
                received += piece
    except OSError:
        return received


def is_open(connection: socket.socket) -> bool:
    """Whether the receiver has neither answered nor closed it."""
    return not select.select([connection], [], [], 0)[0]


@pytest.mark.parametrize("sent", [b"", b"POST", HEAD, HEAD + b"X: "])
def test_a_head_that_never_ends_is_cut_off_also_if_it_grows(start: Start, sent: bytes) -> None:
    running = start(OBS_OTLP_HEAD_S="1")
    silent, growing = client(running, sent), client(running, sent)
    assert dripped(growing, b"X" if sent == b"POST" else b"") == b""
    assert answer(silent) == b""
    assert running.post(1) == 200


def test_a_second_request_of_a_connection_is_cut_off_in_the_same_way(start: Start) -> None:
    running = start(OBS_OTLP_HEAD_S="1")
    connection = client(running, HEAD + b"Content-Length: 0\r\n\r\n")
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
    connection.sendall(b"POST /v1")
    assert answer(connection) == b""


@pytest.mark.parametrize("drop", [b"", b"\x00"])
def test_a_body_that_never_ends_is_408_and_cut_off_also_if_it_grows(start: Start, drop: bytes) -> None:
    running = start(OBS_OTLP_BODY_S="1")
    assert dripped(client(running, BODY), drop).startswith(b"HTTP/1.1 408")


def test_a_body_that_is_refused_is_not_read_for_ever(start: Start) -> None:
    running = start(OBS_OTLP_LIMIT_MB="1")
    connection = client(running, HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    assert dripped(connection, b"10000\r\n" + bytes(65_536) + b"\r\n").startswith(b"HTTP/1.1 413")


def test_a_body_of_tiny_chunks_is_refused(start: Start) -> None:
    running = start()
    connection = client(running, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n\x00\r\n" * 2_000)
    assert answer(connection).startswith(b"HTTP/1.1 400")
    whole = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + b"1\r\n\n\r\n1\r\n\x00\r\n" * 200
    assert answer(client(running, whole + b"0\r\n\r\n")).startswith(b"HTTP/1.1 200")


def test_200_slow_clients_do_not_keep_a_good_one_waiting(start: Start) -> None:
    running = start(OBS_OTLP_HEAD_S="600", OBS_OTLP_BODY_S="600")
    slow = [client(running, BODY if number % 2 else HEAD) for number in range(200)]
    assert [running.post(number) for number in range(100)] == [200] * 100
    assert all(map(is_open, slow))
    for connection in slow[1::2]:
        connection.sendall(bytes(999))
    assert all(connection.recv(100).startswith(b"HTTP/1.1") for connection in slow[1::2])


@pytest.mark.parametrize("limit", ["OBS_OTLP_CONNECTIONS", "OBS_OTLP_PEER_CONNECTIONS"])
def test_beyond_the_most_connections_the_one_that_waited_longest_is_closed(start: Start, limit: str) -> None:
    running = start(OBS_OTLP_HEAD_S="600", OBS_OTLP_BODY_S="600", **{limit: "10"})
    slow = []
    for number in range(50):
        slow.append(client(running, BODY if number % 2 else HEAD))
        assert running.post(number) == 200
    assert [answer(connection) for connection in slow[:40]] == [b""] * 40
    assert all(map(is_open, slow[-9:]))


@pytest.mark.parametrize(("spool_mb", "descriptors"), [("1", 128), ("64", 192)])
def test_the_limit_of_open_files_is_never_reached(start: Start, spool_mb: str, descriptors: int) -> None:
    many = {"OBS_OTLP_PEER_CONNECTIONS": "4000", "OBS_OTLP_CONNECTIONS": "4000", "OBS_SPOOL_MB": spool_mb}
    running = start(OBS_OTLP_HEAD_S="600", descriptors=descriptors, **many)
    slow = [client(running, HEAD) for _ in range(150)]
    assert running.post(1) == 200
    assert [answer(connection) for connection in slow[:80]] == [b""] * 80
    assert all(map(is_open, slow[-60:]))
