"""Who may ask the dashboard: a real server, asked through bare sockets."""

import base64
import os
import re
import socket
from collections.abc import Iterator

import pytest

from tests.support import dashboard, table

PATHS = (
    "/healthz",
    "/export/rows.csv?from=first&to=last",
    "/export/trace/otlp?trace=t1",
    "/",
    "/overview",
    "/_stcore/health",
    "/_stcore/host-config",
    "/api/nothing",
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server whose users come by obs.example.org too."""
    log = tmp_path_factory.mktemp("access") / "trace.db"
    table.store(log, table.rows("0 feed load 5 OK"))
    with dashboard.running(log, {"OBS_HOSTS": "obs.example.org"}) as server:
        yield server.port


def head(port: int, path: str, *headers: str) -> tuple[int, str]:
    """The status and the head of the answer to one request."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        lines = [f"GET {path} HTTP/1.1", *headers, "Connection: close", "", ""]
        connection.sendall("\r\n".join(lines).encode())
        received = b""
        while b"\r\n\r\n" not in received and (part := connection.recv(65_536)):
            received += part
    text = received.partition(b"\r\n\r\n")[0].decode()
    return int(text.split(" ", 2)[1]), text.lower()


def websocket(port: int, *headers: str) -> int:
    """The status of the answer to the handshake of the websocket behind the pages; 101 accepts it."""
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13")
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall("\r\n".join(["GET /_stcore/stream HTTP/1.1", *headers, *upgrade, "", ""]).encode())
        return int(connection.recv(4_096).split(b" ", 2)[1])


@pytest.mark.parametrize("path", PATHS)
def test_every_path_answers_to_its_own_names_only(port: int, path: str) -> None:
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", "obs.example.org", f"obs.localhost:{port}"):
        assert head(port, path, f"Host: {host}")[0] != 403, host
    for host in (f"evil.example:{port}", "localhost.evil.example", "127.0.0.1.evil.example", "", "a.obs.example.org"):
        assert head(port, path, f"Host: {host}")[0] == 403, host


@pytest.mark.parametrize("path", PATHS)
def test_no_path_answers_to_pages_of_others(port: int, path: str) -> None:
    own = f"Host: 127.0.0.1:{port}"
    for origin in (f"http://127.0.0.1:{port}",):
        assert head(port, path, own, f"Origin: {origin}")[0] != 403, origin
    foreign = ("http://evil.example", "null", "file://", "http://127.0.0.1:1", "http://localhost:3000", "http://[")
    for origin in foreign:
        assert head(port, path, own, f"Origin: {origin}")[0] == 403, origin
    assert head(port, path, "Host: obs.example.org", "Origin: https://obs.example.org")[0] != 403


@pytest.mark.parametrize("path", PATHS)
def test_no_page_of_others_may_frame_an_answer(port: int, path: str) -> None:
    for host in (f"127.0.0.1:{port}", "evil.example"):
        text = head(port, path, f"Host: {host}")[1]
        assert "x-frame-options: sameorigin" in text
        assert re.search("content-security-policy: .*frame-ancestors 'self'", text)


@pytest.mark.parametrize("path", PATHS[1:3])
@pytest.mark.parametrize(
    ("site", "refused"), [("same-origin", False), ("none", False), ("cross-site", True), ("same-site", True)]
)
def test_rows_are_not_given_to_links_of_others(port: int, path: str, site: str, refused: bool) -> None:  # noqa: FBT001
    status, _ = head(port, path, f"Host: 127.0.0.1:{port}", f"Sec-Fetch-Site: {site}")
    assert (status == 403) is refused
    assert head(port, "/overview", f"Host: 127.0.0.1:{port}", f"Sec-Fetch-Site: {site}")[0] == 200


def test_the_websocket_is_accepted_from_own_pages_only(port: int) -> None:
    own = f"127.0.0.1:{port}"
    assert websocket(port, f"Host: {own}") == 101
    assert websocket(port, f"Host: {own}", f"Origin: http://{own}") == 101
    assert websocket(port, "Host: obs.example.org", "Origin: https://obs.example.org") == 101
    for origin in ("http://evil.example", "null", "file://", "http://localhost.evil.example", "http://localhost:3000"):
        assert websocket(port, f"Host: {own}", f"Origin: {origin}") == 403, origin
    assert websocket(port, "Host: evil.example", "Origin: http://evil.example") == 403
