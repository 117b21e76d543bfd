"""Real servers that receive webhook messages, in threads: each behaves in one way and records its requests."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple


class Post(NamedTuple):
    """One request as it came over the wire."""

    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


class Receiving:
    """A listening receiver: its URL and the requests it got."""

    def __init__(self, port: int, scheme: str) -> None:
        """No request was received yet."""
        self.port = port
        self.url = f"{scheme}://127.0.0.1:{port}/hook"
        self.posts: list[Post] = []
        self.connections = 0
        self.released = threading.Event()


Behave = Callable[[socket.socket, Receiving], None]


def answers(*heads: str, body: bytes = b"ok") -> Behave:
    """Answers the first request with the first of `heads` (status and headers), and so on; the last stays."""
    rest = list(heads)

    def behave(client: socket.socket, receiving: Receiving) -> None:
        receiving.posts.append(read(client))
        head = rest.pop(0) if len(rest) > 1 else rest[0]
        client.sendall(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    return behave


def hangs(client: socket.socket, receiving: Receiving) -> None:
    """Reads the request, and never answers."""
    receiving.posts.append(read(client))
    receiving.released.wait(60)


def hangs_once(client: socket.socket, receiving: Receiving) -> None:
    """Never answers the first request, and accepts all others."""
    receiving.posts.append(read(client))
    if len(receiving.posts) == 1:
        receiving.released.wait(60)
    else:
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def hangs_up(client: socket.socket, receiving: Receiving) -> None:
    """Reads the request, and closes."""
    receiving.posts.append(read(client))


def garbage(client: socket.socket, receiving: Receiving) -> None:
    """Answers something that is not HTTP."""
    receiving.posts.append(read(client))
    client.sendall(b"\x00\xff garbage \r\n\r\n" * 10)


def not_tls(client: socket.socket, receiving: Receiving) -> None:
    """Answers whatever comes in plain text."""
    client.recv(65_536)
    receiving.released.wait(0.01)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def drips(client: socket.socket, receiving: Receiving) -> None:
    """Sends a header that never ends, a byte now and then."""
    receiving.posts.append(read(client))
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not receiving.released.wait(0.1):
        client.sendall(b"a")


def body_hangs(client: socket.socket, receiving: Receiving) -> None:
    """Accepts, and leaves the body open."""
    receiving.posts.append(read(client))
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    receiving.released.wait(60)


def endless(client: socket.socket, receiving: Receiving) -> None:
    """Accepts, with a body that never ends."""
    receiving.posts.append(read(client))
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while not receiving.released.is_set():
        client.sendall(b"x" * 65_536)


def read(client: socket.socket) -> Post:
    """The request that `client` sends."""

    def more() -> bytes:
        part = client.recv(65_536)
        if not part:
            raise ConnectionError  # the sender was killed; without this the thread would spin for ever
        return part

    data = b""
    while b"\r\n\r\n" not in data:
        data += more()
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += more()
    return Post(first.split(" ")[1], headers, body)


def make_certificate(folder: Path) -> Path:
    """A certificate for localhost and 127.0.0.1 that its own key signed."""
    path = folder / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path, "-out", f"{path}.crt"),
        ],
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


@contextmanager
def receiver(behave: Behave, certificate: Path | None = None) -> Iterator[Receiving]:
    """A receiver on a free port of this machine, for as long as the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        receiving = Receiving(server.getsockname()[1], "https" if certificate else "http")
        tls = None
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
        threads: list[threading.Thread] = []

        def serve(raw: socket.socket) -> None:
            with suppress(OSError), raw, tls.wrap_socket(raw, server_side=True) if tls else raw as client:
                behave(client, receiving)

        def accept() -> None:
            while not receiving.released.is_set():
                with suppress(TimeoutError):
                    client, _ = server.accept()
                    client.settimeout(30)
                    receiving.connections += 1
                    threads.append(threading.Thread(target=serve, args=(client,), daemon=True))
                    threads[-1].start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield receiving
        finally:
            receiving.released.set()
            for thread in (accepting, *threads):
                thread.join(10)
