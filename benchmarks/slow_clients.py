"""Clients that never finish a request, for the benchmark of the receiver."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def slow_clients(address: str, count: int) -> Iterator[None]:
    """As many clients that have sent half a head or half a body, and send one byte more each second."""
    head = b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
    begun = (head + b"X: ", head + b"Content-Length: 100000\r\n\r\n")
    host, port = address.removeprefix("http://").split(":")
    clients = [socket.create_connection((host, int(port))) for _ in range(count)]
    for number, client in enumerate(clients):
        client.sendall(begun[number % 2])
    ended = threading.Event()

    def drip() -> None:
        while not ended.wait(1):
            for client in clients:
                with suppress(OSError):  # it was cut off
                    client.sendall(b"X")

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        yield
    finally:
        ended.set()
        dripping.join()
        for client in clients:
            client.close()
