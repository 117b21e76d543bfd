"""Rows as protobuf requests: read back with OpenTelemetry's own classes, they are the rows that were sent."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from obs_core.export import otlp
from obs_core.forward import encoding
from obs_core.ingest.files import import_file
from obs_core.ingest.formats.protobuf import messages
from obs_core.model import Row
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.store import log
from tests.support.data import series_file, trace_file
from tests.support.hostile import ROWS

CALL = Row(
    "call", "shop-1", "get", 5_000, "shop", "int", "7", "ERROR", "KeyError: 'x'", "a" * 32, "1" * 16, "2" * 16,
    "shop.get", "Traceback …", 7_000, 64,
)  # fmt: skip
RECORDED = {
    "otel-demo": [trace_file("otel-demo", "traces_only.jsonl"), trace_file("otel-demo", "logs_only.jsonl")],
    "Jaeger": [trace_file("trainticket-1min", "jaeger.json")],
    "metrics": [trace_file("otlp-spec", "metrics.json"), trace_file("otlp-spec", "logs.json")],
    "series": [series_file("dev_pecos_simple.csv")],
}


def back(rows: list[Row]) -> list[str]:
    """The rows that a reader of the requests has, in one order."""
    result = []
    for signal, part in (
        ("traces", [row for row in rows if otlp.is_span(row)]),
        ("logs", [row for row in rows if not otlp.is_span(row)]),
    ):
        for read in messages.rows(messages.parse(signal, encoding.request(signal, part))) if part else ():
            assert isinstance(read, Row), read
            result.append(read)
    return comparable(result)


def comparable(rows: list[Row]) -> list[str]:
    return sorted(repr(row._replace(attributes=plain(row.attributes), code_id=None, run_id=None)) for row in rows)


def plain(text: str | None) -> str | None:
    try:
        return json.dumps(json.loads(text)) if text else text
    except ValueError:
        return text


def test_a_call_is_a_span_with_its_ids_times_status_and_exception() -> None:
    request = ExportTraceServiceRequest.FromString(encoding.request("traces", [CALL]))
    [group] = request.resource_spans
    assert {pair.key: pair.value.string_value for pair in group.resource.attributes} == {
        "service.name": "shop", "service.instance.id": "shop-1",
    }  # fmt: skip
    [span] = group.scope_spans[0].spans
    assert (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()) == ("a" * 32, "1" * 16, "2" * 16)
    assert (span.name, span.start_time_unix_nano, span.end_time_unix_nano) == ("get", 5_000, 12_000)
    assert span.status.code == 2
    [event] = span.events
    assert (event.name, event.time_unix_nano) == ("exception", 12_000)


def test_a_value_is_a_log_record_of_its_call() -> None:
    value = Row("value", "shop-1", "price", 6_000, "shop", "float", "1.5", trace_id="a" * 32, parent_span_id="1" * 16)
    request = ExportLogsServiceRequest.FromString(encoding.request("logs", [value]))
    [record] = request.resource_logs[0].scope_logs[0].log_records
    assert (record.event_name, record.body.string_value, record.time_unix_nano) == ("price", "1.5", 6_000)
    assert (record.trace_id.hex(), record.span_id.hex()) == ("a" * 32, "1" * 16)


@given(st.lists(ROWS, max_size=4))
def test_any_rows_come_back_from_protobuf(rows: list[Row]) -> None:
    assert back(rows) == comparable(rows)


@pytest.mark.parametrize("name", RECORDED)
def test_recordings_come_back_from_protobuf(tmp_path: Path, name: str) -> None:
    connection = log.open_log(tmp_path / "a.db")
    for file in RECORDED[name]:
        import_file(connection, file, now=0)
    connection.close()
    with Engine(tmp_path / "a.db") as engine:
        rows = [row for piece in export.pieces(engine, export.ALWAYS) for row in piece]
    assert len(rows) > 4
    assert back(rows) == comparable(rows)


@pytest.mark.parametrize("levels", [10, 14, 15, 16, 300, 5_000])
@pytest.mark.parametrize("where", ['{{"attributes": {}}}', '{{"events": [{{"name": "e", "attributes": {}}}]}}'])
def test_attributes_of_any_depth_come_back(levels: int, where: str) -> None:
    """A reader of protobuf accepts 100 messages inside each other."""
    deep = where.format('{"a": [' * levels + "1" + "]}" * levels)
    row = CALL._replace(attributes=deep, exception=None, exception_stack=None, status="OK")
    [read] = messages.rows(messages.parse("traces", encoding.request("traces", [row])))
    assert isinstance(read, Row)
    assert (read.attributes or "").replace(" ", "").replace('"time_ns":null,', "") == deep.replace(" ", "")
