"""What tests send to the receiver: requests made with OpenTelemetry's own classes, and a client without a socket."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Summary,
    SummaryDataPoint,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from obs_core.capture.options import from_environment as options_of
from obs_core.ingest.receiver.intake import Intake
from obs_core.ingest.receiver.server import Receiver
from obs_core.settings import from_environment
from obs_core.store import sqlite

START = 1_767_225_600_000_000_000
TRACE = bytes(range(16))


def text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def span(number: int, *, ms: int | None = 5, name: str = "load", **more: Any) -> Span:  # noqa: ANN401 - fields of Span
    """The span `number`, which took `ms`; None: it has no end."""
    start = START + number
    end = 0 if ms is None else start + ms * 1_000_000
    fields = {"trace_id": TRACE, "span_id": number.to_bytes(8, "big"), "name": name, **more}
    return Span(start_time_unix_nano=start, end_time_unix_nano=end, **fields)


def traces(spans: Iterable[Span]) -> ExportTraceServiceRequest:
    group = ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])
    group.resource.attributes.append(text("service.name", "shop"))
    return ExportTraceServiceRequest(resource_spans=[group])


def as_json(request: ExportTraceServiceRequest | ExportLogsServiceRequest | ExportMetricsServiceRequest) -> bytes:
    """The request as JSON of the test's own making: ids in hex, not base64."""
    document: str = json_format.MessageToJson(request)
    for raw, length in ((TRACE, 16), *((number.to_bytes(8, "big"), 8) for number in range(1, 100))):
        assert len(raw) == length
        document = document.replace(f'"{_base64(raw)}"', f'"{raw.hex()}"')
    return document.encode()


def _base64(raw: bytes) -> str:
    return str(json_format.MessageToDict(AnyValue(bytes_value=raw))["bytesValue"])


LOGS = ExportLogsServiceRequest(
    resource_logs=[
        ResourceLogs(
            scope_logs=[
                ScopeLogs(
                    log_records=[
                        LogRecord(
                            time_unix_nano=START,
                            trace_id=TRACE,
                            span_id=(1).to_bytes(8, "big"),
                            severity_number=17,  # type: ignore[arg-type] # an enum's number
                            body=AnyValue(string_value="no price"),
                            attributes=[text("exception.type", "KeyError"), text("exception.message", "'x'")],
                        )
                    ]
                )
            ]
        )
    ]
)
LEVEL = Metric(name="level", gauge=Gauge(data_points=[NumberDataPoint(time_unix_nano=START, as_double=1.5)]))
_OUT_OF_RANGE = SummaryDataPoint.ValueAtQuantile(quantile=1.5)
SPREAD = Metric(
    name="spread",
    summary=Summary(data_points=[SummaryDataPoint(time_unix_nano=START, count=1, quantile_values=[_OUT_OF_RANGE])]),
)
METRICS = ExportMetricsServiceRequest(
    resource_metrics=[ResourceMetrics(scope_metrics=[ScopeMetrics(metrics=[LEVEL, SPREAD])])]
)


class Sender:
    """A receiver of the test's own, asked without a socket, and the log it fills."""

    def __init__(self, log: Path, **environment: str) -> None:
        """It takes nothing before the first request."""
        env = {"OBS_LOG": str(log), "OBS_SPOOL_MB": "1", **environment}
        self.log = log
        self.intake = Intake(options_of(env))
        self.receiver = Receiver(from_environment(env), self.intake)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> httpx.Response:
        """The answer to one request; `content_type="…"` is the header Content-Type."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.receiver.app())
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4318") as client:
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                return await client.request(method, path, content=body, headers=named)

        return asyncio.run(asked())

    def post(self, body: bytes, signal: str = "traces", **headers: str) -> httpx.Response:
        """The answer to a batch, by default of spans in protobuf."""
        return self.ask("POST", f"/v1/{signal}", body, **({"content_type": "application/x-protobuf"} | headers))

    def rows(self, columns: str, where: str = "1") -> list[tuple[Any, ...]]:
        """What is in the log, once all that was taken is there."""
        self.intake.close()
        if not self.log.exists():
            return []
        connection = sqlite.connect(self.log)
        try:
            return connection.execute(f"SELECT {columns} FROM data_trace WHERE {where} ORDER BY id").fetchall()
        finally:
            connection.close()


def status_of(answer: httpx.Response) -> tuple[int, str]:
    """Code and message of an error, whichever of the two types it came in."""
    if answer.headers["content-type"] == "application/json":
        result = answer.json()
        return result["code"], result["message"]
    status = Status.FromString(answer.content)
    return int(status.code), str(status.message)
