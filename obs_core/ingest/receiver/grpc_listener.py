"""OTLP over gRPC, next to HTTP: the same batches, limits and token, handled by the same receiver.

grpcio takes 13 MB, so it is loaded by the first connection: until then a plain socket has the port. The connections
that came meanwhile are relayed. Source: opentelemetry-proto, docs/specification.md "OTLP/gRPC".
"""

import errno
import importlib.util
import logging
import os
import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from obs_core.ingest.receiver import responses
from obs_core.ingest.receiver.grpc_calls import Calls
from obs_core.ingest.receiver.responses import Answer, Refusal
from obs_core.ingest.receiver.server import Receiver
from obs_core.settings import Settings

_SERVICES: Final = {
    f"opentelemetry.proto.collector.{name}.v1.{name.title()}Service": f"{name}s" if name == "trace" else name
    for name in ("trace", "logs", "metrics")
}
_CALLS: Final = 16  # at once; a sender repeats what exceeds them
_IDLE_S: Final = 75
_MILLI: Final = 1_000
_GRACE_S: Final = 3
_PIECE: Final = 1 << 16
_BACKLOG: Final = 128
_log: Final = logging.getLogger(__name__)


class GrpcListener:
    """The port for gRPC, and its server after the first connection."""

    def __init__(self, settings: Settings, receiver: Receiver, listening: socket.socket) -> None:
        """Serve what `receiver` does, at a bound socket."""
        self._settings = settings
        self._receiver = receiver
        self._listening = listening
        self._server: Any = None
        self._calls = Calls(settings.otlp_body_s, *receiver.memory_limits)
        self._wakes, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._wait, name="otlp-grpc", daemon=True)
        host, port = listening.getsockname()[:2]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> None:
        """Wait for the first connection, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Answer the calls in flight, and close the port."""
        os.write(self._wake, b"x")
        self._thread.join()
        self._listening.close()
        if self._server is not None:
            self._server.stop(_GRACE_S).wait(_GRACE_S)
        self._calls.end()

    def _wait(self) -> None:
        ready = select.select([self._listening.fileno(), self._wakes], [], [])[0]
        if self._wakes in ready:
            return
        try:
            self._server = self._started()
        except Exception:  # noqa: BLE001 - the receiver still answers HTTP
            _log.exception("OTLP over gRPC can't be served.")
            self._listening.close()
            return
        self._listening.settimeout(0)
        waiting = []
        with suppress(OSError):
            while True:
                waiting.append(self._listening.accept()[0])
        port = self._listening.getsockname()[1]
        self._listening.close()  # from here on, all connections are the server's
        for connection in waiting:
            _relay(connection, self._settings.otlp_host, port)

    def _started(self) -> Any:  # noqa: ANN401 - grpcio has no types
        import grpc  # type: ignore[import-untyped]  # noqa: PLC0415 - 13 MB that only senders by gRPC need

        settings = self._settings

        def handler(signal: str) -> Any:  # noqa: ANN401
            def export(messages: Iterator[bytes], context: Any) -> bytes:  # noqa: ANN401
                answer = self._answer(signal, messages, context)
                if answer.status == 200:  # noqa: PLR2004 - HTTP's OK
                    return answer.body
                return _abort(grpc, context, answer)

            return grpc.stream_unary_rpc_method_handler(export)  # called before the message is here

        server = grpc.server(
            ThreadPoolExecutor(_CALLS, "otlp-grpc"),
            options=[
                ("grpc.so_reuseport", 1),
                ("grpc.max_receive_message_length", self._receiver.limits.size),
                ("grpc.max_metadata_size", 1 << 14),
                ("grpc.max_concurrent_streams", _CALLS),
                ("grpc.server_handshake_timeout_ms", settings.otlp_head_s * _MILLI),
                ("grpc.max_connection_idle_ms", _IDLE_S * _MILLI),
                ("grpc.max_allowed_incoming_connections", settings.otlp_connections),
            ],
            maximum_concurrent_rpcs=_CALLS,
        )
        for service, signal in _SERVICES.items():
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, {"Export": handler(signal)}),)
            )
        server.add_insecure_port(self.address)
        server.start()
        return server

    def _answer(self, signal: str, messages: Iterator[bytes], context: Any) -> Answer:  # noqa: ANN401
        headers = {str(name): str(value) for name, value in context.invocation_metadata()}
        try:
            if "origin" in headers:
                raise Refusal(403, "Web pages may not send here.")
            self._receiver.check_token(headers, _address_of(context.peer()))
            body = self._calls.message(messages, context)
            with self._calls.held(len(body)):
                return self._receiver.store(signal, responses.PROTOBUF, body, "")
        except Refusal as refusal:
            return self._receiver.refused(refusal, responses.PROTOBUF)


def listening_for_grpc(settings: Settings) -> tuple[socket.socket | None, str]:
    """A socket at the port for gRPC; None and why, if there is none."""
    if not settings.otlp_grpc_port:
        return None, ""
    if importlib.util.find_spec("grpc") is None:
        return None, "OTLP over gRPC needs grpcio: pip install -r requirements.txt"
    where = settings.otlp_host, settings.otlp_grpc_port
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    try:
        socket.create_server(where, family=family).close()  # fails also if another program would share the port
        return socket.create_server(where, family=family, backlog=_BACKLOG, reuse_port=True), ""
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            why = f"port {where[1]} is in use by another program; stop it, or set OBS_OTLP_GRPC_PORT"
        else:
            why = f"can't listen on {where[0]}, port {where[1]}: {error}"
        return None, f"OTLP over gRPC is off: {why}."


def _abort(grpc: Any, context: Any, answer: Answer) -> bytes:  # noqa: ANN401
    """End a call with the status of an answer, and when to retry."""
    status = Status.FromString(answer.body)
    if answer.retry_after_s is not None:
        detail = AnyMessage()
        detail.Pack(RetryInfo(retry_delay=Duration(seconds=answer.retry_after_s)))
        status.details.append(detail)
    codes = {code.value[0]: code for code in grpc.StatusCode}
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(codes.get(status.code, grpc.StatusCode.UNKNOWN), status.message)
    return b""  # abort raises


def _address_of(peer: str) -> str:
    """The host in gRPC's name of a peer, such as ipv4:127.0.0.1:4711."""
    return peer.partition(":")[2].rpartition(":")[0]


def _relay(client: socket.socket, host: str, port: int) -> None:
    """Connect an accepted connection with the server that has its port now."""
    client.settimeout(None)
    try:
        server = socket.create_connection((host, port), _GRACE_S)
    except OSError:
        client.close()
        return
    server.settimeout(None)
    for source, target in ((client, server), (server, client)):
        threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
