"""What the server does before the first page."""

import socket

from obs_core.serve.lifespan import send_at_once


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
