"""A ClickHouse server over HTTP for tests: the engine is chdb, and the protocol a server's as far as clients need.

A request's parameters are settings, except `param_…` (bound parameters), `database` and `query`; the answer to a failed
statement has the header X-ClickHouse-Exception-Code. Settings of a request hold for this request only, and `readonly`
is set last, as a server checks all settings of a request before it applies them.
"""

import base64
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import chdb

_OF_HTTP: Final = ("database", "query", "user", "password", "compress", "decompress", "wait_end_of_query", "query_id")
_OF_HTTP_TOO: Final = ("client_protocol_version", "session_id", "default_format", "enable_http_compression", "role")
_OF_HTTP_PROGRESS: Final = ("send_progress_in_http_headers", "http_headers_progress_interval_ms")
PASSWORD: Final = "s3cret/%"  # noqa: S105 - of this server alone
NOT_SETTINGS: Final = (*_OF_HTTP, *_OF_HTTP_TOO, *_OF_HTTP_PROGRESS)
_FORMAT: Final = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_CODE: Final = re.compile(r"Code: (\d+)")


class Server(ThreadingHTTPServer):
    """A server for the user `obs` with a password; `requests` has what it was asked."""

    daemon_threads = True

    def __init__(self, password: str, port: int = 0) -> None:
        """Listen on a free port, or on `port`."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.password = password
        self.requests: list[tuple[dict[str, str], str]] = []
        self.wait_s = 0.0  # before each answer
        self.lock = threading.Lock()
        self._connections: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection, and remember it."""
        connection, address = super().get_request()
        self._connections.append(connection)
        return connection, address

    def server_close(self) -> None:
        """Stop listening, and close the connections that clients keep."""
        super().server_close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's own types
        """A client that closed its connection before the answer is not an error."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """A ping, or a statement in the URL."""
        if urlsplit(self.path).path == "/ping":
            self._send(200, b"Ok.\n")
        else:
            self._answer("")

    def do_POST(self) -> None:
        """A statement in the body."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self._answer(body.decode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the base class's own names
        """Log nothing."""

    def _answer(self, body: str) -> None:
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        statement = (given.get("query", "") + body).strip()
        self.server.requests.append((given, statement))
        time.sleep(self.server.wait_s)
        credentials = base64.b64decode(self.headers.get("Authorization", "Basic ").partition(" ")[2]).decode()
        if credentials != f"obs:{self.server.password}":
            message = f"Code: 516. DB::Exception: {credentials}: Authentication failed. (AUTHENTICATION_FAILED)"
            self._send(403, message.encode(), code=516)
            return
        parameters = {name.removeprefix("param_"): text for name, text in given.items() if name.startswith("param_")}
        settings = {
            name: text for name, text in given.items() if name not in NOT_SETTINGS and not name.startswith("param_")
        }
        output = _FORMAT.search(statement)
        statement = _FORMAT.sub("", statement)
        try:
            with self.server.lock:
                content = _run(
                    statement, output[1] if output else "TabSeparated", parameters, settings, given.get("database")
                )
        except Exception as error:  # noqa: BLE001 - whatever chdb raises is the answer
            code = _CODE.search(str(error))
            self._send(500, str(error).encode(), code=int(code[1]) if code else 1)
        else:
            self._send(200, content)

    def _send(self, status: int, content: bytes, code: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-ClickHouse-Timezone", "UTC")
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.end_headers()
        self.wfile.write(content)


def _run(
    statement: str, output: str, parameters: dict[str, str], settings: dict[str, str], database: str | None
) -> bytes:
    """The bytes of the answer."""
    connection = chdb.connect(":memory:")  # type: ignore[no-untyped-call]
    try:
        if database:
            connection.query(f"USE {database}")
        for name in sorted(settings, key=lambda name: name == "readonly"):
            connection.query(f"SET {name} = '{settings[name]}'")
        return bytes(connection.query(statement, output, params=parameters).bytes())
    finally:
        connection.close()


@contextmanager
def running(*, port: int = 0, certificate: Path | None = None) -> Iterator[Server]:
    """A server, with TLS if there is a `certificate` (a file with its key)."""
    server = Server(PASSWORD, port)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
