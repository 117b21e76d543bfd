"""OTLP over gRPC, with a real receiver, grpcio's client and the recorded spans of Flask's tutorial."""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import psutil
import pytest
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from obs_core.model import Row
from obs_core.store import sqlite
from tests.ingest.receiver.test_receiving_programs import Running, batch
from tests.ingest.sender import LOGS, METRICS
from tests.support.data import trace_file

_TIMEOUT_S = 60
_COLUMNS = ", ".join(Row._fields)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class ByGrpc(Running):
    """A receiver with a port for gRPC, and a channel to it."""

    def __init__(self, log: Path, **environment: str) -> None:
        """Start it."""
        port = free_port()
        environment = {"OBS_SPOOL_MB": "16", "OBS_OTLP_GRPC_PORT": str(port), **environment}
        super().__init__(log, descriptors=0, **environment)
        self.target = "127.0.0.1", port
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def export(self, body: bytes, service: str = "trace", token: str = "") -> bytes:
        """The answer to one call."""
        method = f"/opentelemetry.proto.collector.{service}.v1.{service.title()}Service/Export"
        metadata = [("authorization", f"Bearer {token}")] if token else []
        answer: bytes = self.channel.unary_unary(method)(body, timeout=_TIMEOUT_S, metadata=metadata)
        return answer

    def rows(self, columns: str = _COLUMNS) -> list[tuple[Any, ...]]:
        """The rows of its log, after it ended."""
        self.channel.close()
        self.end()
        connection = sqlite.connect(self.log)
        try:
            return connection.execute(f"SELECT {columns} FROM data_trace ORDER BY id").fetchall()
        finally:
            connection.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ByGrpc]:
    receiver = ByGrpc(tmp_path / "grpc.db")
    yield receiver
    receiver.process.kill()


def flaskr() -> list[bytes]:
    """The recorded requests as protobuf, where ids are bytes."""

    def in_base64(fields: dict[str, Any]) -> dict[str, Any]:
        for name in ("traceId", "spanId", "parentSpanId"):
            if fields.get(name):
                fields[name] = base64.b64encode(bytes.fromhex(fields[name])).decode()
        return fields

    lines = trace_file("flaskr-otel", "flaskr_traces.jsonl").read_text("utf-8").splitlines()
    documents = (json.dumps(json.loads(line, object_hook=in_base64)) for line in lines)
    return [json_format.Parse(text, ExportTraceServiceRequest()).SerializeToString() for text in documents]


def test_spans_by_grpc_are_those_by_http_and_a_second_time_changes_nothing(running: ByGrpc, tmp_path: Path) -> None:
    by_http = Running(tmp_path / "http.db", OBS_SPOOL_MB="16")
    for body in flaskr():
        assert by_http.request(body, {"Content-Type": "application/x-protobuf"})[0] == 200
        assert running.export(body) == running.export(body) == b""
    by_http.end()
    connection = sqlite.connect(by_http.log)
    expected = connection.execute(f"SELECT {_COLUMNS} FROM data_trace ORDER BY id").fetchall()
    connection.close()
    assert len(expected) == 1_272
    assert running.rows() == expected


def test_logs_and_metrics_are_received_and_what_is_rejected_is_named(running: ByGrpc) -> None:
    assert running.export(LOGS.SerializeToString(), "logs") == b""
    assert b"spread" in running.export(METRICS.SerializeToString(), "metrics")
    no_id = ExportTraceServiceRequest()
    no_id.resource_spans.add().scope_spans.add().spans.add(name="x")
    partial = ExportTraceServiceResponse.FromString(running.export(no_id.SerializeToString())).partial_success
    assert (partial.rejected_spans, "without a usable id" in partial.error_message) == (1, True)
    assert [kind for (kind,) in running.rows("kind")] == ["log", "value"]


def test_what_cant_be_accepted_is_an_error_with_its_code(tmp_path: Path) -> None:
    receiver = ByGrpc(tmp_path / "grpc.db", OBS_OTLP_TOKEN="secret", OBS_OTLP_LIMIT_MB="1", OBS_OTLP_LIMIT_PARTS="5000")  # noqa: S106
    try:
        codes = []
        for body, token in (
            (batch(1), ""),
            (batch(1), "wrong"),
            (b"\xff\xff", "secret"),
            (bytes(2 << 20), "secret"),
            (b"\x0a\x00" * 10_000, "secret"),
        ):
            with pytest.raises(grpc.RpcError) as error:
                receiver.export(body, token=token)
            codes.append(error.value.code())
        names = [code.name for code in codes]
        assert names == [*["UNAUTHENTICATED"] * 2, "INVALID_ARGUMENT", *["RESOURCE_EXHAUSTED"] * 2]
        details = dict(error.value.trailing_metadata())
        assert "messages" in Status.FromString(details["grpc-status-details-bin"]).message
        assert receiver.export(batch(1), token="secret") == b""  # noqa: S106
        with pytest.raises(grpc.RpcError) as error:
            receiver.channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=_TIMEOUT_S)
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
    finally:
        receiver.channel.close()
        receiver.end()


def test_without_a_call_grpc_is_not_loaded_and_a_used_port_leaves_http(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        receiver = Running(tmp_path / "trace.db", OBS_OTLP_GRPC_PORT=str(port))
        assert receiver.post(1) == 200
        receiver.end()
    receiver = Running(tmp_path / "other.db", OBS_OTLP_GRPC_PORT=str(free_port()))
    libraries = Path(f"/proc/{receiver.process.pid}/maps")
    assert not libraries.exists() or "cygrpc" not in libraries.read_text("utf-8")
    receiver.end()


def waiting_calls(receiver: ByGrpc, count: int, ended: threading.Event) -> list[Any]:
    """Open calls that do not send their message before `ended`."""

    def nothing() -> Iterator[bytes]:
        ended.wait(_TIMEOUT_S)
        yield from ()

    method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    return [receiver.channel.stream_unary(method).future(nothing()) for _ in range(count)]


def test_calls_whose_message_never_arrives_are_ended_and_keep_no_other_out(tmp_path: Path) -> None:
    ended = threading.Event()
    late, many = (
        ByGrpc(tmp_path / f"{seconds}.db", OBS_OTLP_BODY_S=seconds, OBS_OTLP_HEAD_S="1") for seconds in ("1", "600")
    )
    try:
        [call] = waiting_calls(late, 1, ended)
        assert call.code() is grpc.StatusCode.CANCELLED
        calls = waiting_calls(many, 100, ended)
        done = threading.Semaphore(0)
        for call in calls:
            call.add_done_callback(lambda _: done.release())
        assert all(done.acquire(timeout=_TIMEOUT_S) for _ in range(92))  # the others are 8
        assert {call.code().name for call in calls if call.done()} <= {"CANCELLED", "RESOURCE_EXHAUSTED", "UNAVAILABLE"}
        many.channel = grpc.insecure_channel(":".join(map(str, many.target)), [("grpc.use_local_subchannel_pool", 1)])
        for number in range(1, 20):
            assert many.export(batch(number)) == b""
        assert late.export(batch(1)) == b""
        silent = [socket.create_connection(late.target, _TIMEOUT_S) for _ in range(50)]
        for connection in silent:  # it may send its settings first
            while connection.recv(1_000):
                continue
            connection.close()
    finally:
        ended.set()
        for receiver in (late, many):
            receiver.channel.close()
            receiver.process.kill()
            receiver.end()


def test_large_messages_at_once_do_not_fill_the_memory(tmp_path: Path) -> None:
    receiver = ByGrpc(tmp_path / "trace.db", OBS_OTLP_LIMIT_MB="4")
    try:
        assert receiver.export(batch(1)) == b""
        before = psutil.Process(receiver.process.pid).memory_info().rss
        method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        calls = [receiver.channel.unary_unary(method).future(bytes(3 << 20)) for _ in range(100)]
        codes = {call.code().name for call in calls}
        assert codes <= {"INVALID_ARGUMENT", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "CANCELLED"}
        assert psutil.Process(receiver.process.pid).memory_info().rss - before < 100 << 20
        assert receiver.export(batch(2)) == b""
    finally:
        receiver.channel.close()
        receiver.process.kill()
        receiver.end()
