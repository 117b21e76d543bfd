"""A span that the SDK's exporter writes into the log is the row that the same span over OTLP would be."""

import json
import subprocess
import sys
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from obs_core.ingest.formats.protobuf import messages
from obs_core.model import Row
from obs_core.store import sqlite

_PROGRAM = """
import sys
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState, set_span_in_context,
)
from obs_core.capture.otel import Exporter

spans = []
class Both(SpanExporter):
    def __init__(self): self.inner = Exporter()
    def export(self, batch):
        spans.extend(batch)
        return self.inner.export(batch)
    def shutdown(self): self.inner.shutdown()

resource = Resource({"service.name": "shop", "service.instance.id": "shop-1", "host.name": "h1", "cpus": 4})
provider = TracerProvider(resource=resource, span_limits=SpanLimits(max_attributes=4, max_events=3))
provider.add_span_processor(SimpleSpanProcessor(Both()))
tracer = provider.get_tracer("m", "1.2", attributes={"team": "a"})
remote = SpanContext(1, 2, True, TraceFlags(1), TraceState([("vendor", "x"), ("b", "y")]))
link = Link(SpanContext(3, 4, True), {"why": "retry"})
parent = set_span_in_context(NonRecordingSpan(remote))
with tracer.start_as_current_span("pay", parent, kind=SpanKind.CLIENT, links=[link]) as span:
    span.record_exception(ValueError("first"))
    span.record_exception(TypeError("second"))
    span.set_attributes({"n": 7, "x": float("nan"), "many": ["a", "b"], "code.function.name": "shop.pay", "more": True})
    with tracer.start_as_current_span("inner", kind=SpanKind.SERVER):
        pass
    try:
        with tracer.start_as_current_span("failing"):
            raise KeyError("x")
    except KeyError:
        pass
    span.set_status(Status(StatusCode.ERROR, "said"))
with tracer.start_as_current_span("fine", links=[Link(SpanContext(5, 6, False))]) as span:
    span.set_status(Status(StatusCode.OK))
    span.set_attribute("raw", b"bytes")
with tracer.start_as_current_span("described") as span:
    span.set_status(Status(StatusCode.ERROR, "only this"))
open(sys.argv[1], "wb").write(encode_spans(spans).SerializeToString())
provider.shutdown()
"""
_COLUMNS = [name for name in Row._fields if name not in ("code_id", "run_id", "attributes")]


def test_the_exporter_and_otlp_give_the_same_rows(tmp_path: Path) -> None:
    sent = tmp_path / "spans.pb"
    environment = {"OBS_LOG": str(tmp_path / "trace.db"), "PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, "-c", _PROGRAM, str(sent)], env=environment, check=True, timeout=120)
    request = ExportTraceServiceRequest.FromString(sent.read_bytes())
    expected = {row.span_id: row for row in messages.rows(request) if isinstance(row, Row)}
    connection = sqlite.connect(tmp_path / "trace.db")
    columns = ", ".join([*_COLUMNS, "attributes"])
    rows = connection.execute(f"SELECT {columns} FROM data_trace WHERE kind = 'call'").fetchall()
    connection.close()
    assert len(rows) == len(expected) == 5
    for row in rows:
        fields = dict(zip([*_COLUMNS, "attributes"], row, strict=True))
        other = expected[fields["span_id"]]
        assert {name: fields[name] for name in _COLUMNS} == {name: getattr(other, name) for name in _COLUMNS}
        assert json.loads(fields["attributes"]) == json.loads(other.attributes or "{}")
    pay = next(row for row in expected.values() if row.data == "pay")
    assert pay.exception == "ValueError: first"
    assert json.loads(pay.attributes or "")["links"][0]["attributes"] == {"why": "retry"}
