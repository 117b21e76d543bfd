"""OTLP: protobuf and JSON give the same rows; metrics and chosen attributes are values; what is none is said."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from obs_core.ingest.formats import otlp_json
from obs_core.ingest.formats.protobuf import messages
from obs_core.ingest.formats.rows import Refused
from obs_core.model import Row
from tests.support.data import content, trace_file, trace_files

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def row(parts: list[Row | Refused]) -> Row:
    [result] = parts
    assert isinstance(result, Row)
    return result


def export(*spans: dict[str, Any], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    timed = [{"startTimeUnixNano": "9", **span} for span in spans]
    outer = {"resource": resource or {}, "scopeSpans": [{"spans": timed}]}
    return {"resourceSpans": [outer]}


def text(key: str, value: object, kind: str = "stringValue") -> dict[str, Any]:
    return {"key": key, "value": {kind: value}}


@pytest.mark.parametrize("name", ["trainticket-1min", "otel-demo"])
def test_protobuf_gives_the_rows_that_json_gives(name: str) -> None:
    binary = [
        result
        for file in trace_files(name, "otlp_pb")
        for result in messages.rows(messages.parse("traces", file.read_bytes()))
    ]
    files = trace_files(name, "otlp_json") or [trace_file(name, "traces_only.jsonl")]
    texts = [line for file in files for line in file.read_text("utf-8").splitlines()]
    plain = [result for line in texts for result in otlp_json.rows(json.loads(line), 1)]
    assert len(plain) > 500
    assert sorted(map(repr, binary)) == sorted(map(repr, plain))


@pytest.mark.parametrize(("signal", "name"), [("logs", "logs.json"), ("metrics", "metrics.json")])
def test_logs_and_metrics_give_the_same_rows_in_both_forms(signal: str, name: str) -> None:
    document = content(trace_file("otlp-spec", name))
    plain = list(otlp_json.rows(document, 1))
    for outer in document.get("resourceLogs", []):  # protobuf's own JSON has ids in base64, OTLP's has them in hex
        for scope in outer["scopeLogs"]:
            for record in scope["logRecords"]:
                del record["traceId"], record["spanId"]
    unnamed = list(otlp_json.rows(document, 1))
    message = ParseDict(document, messages.REQUESTS[signal]())
    assert list(messages.rows(message)) == unnamed
    assert len(plain) == len(unnamed)


def test_the_metrics_of_the_specification_are_values() -> None:
    result = list(otlp_json.rows(content(trace_file("otlp-spec", "metrics.json")), 3))
    assert not [part for part in result if isinstance(part, Refused)]
    values = [part for part in result if isinstance(part, Row)]
    assert [
        (item.kind, item.process, item.data, item.data_type, item.data_value, item.status) for item in values[:4]
    ] == [
        ("value", "my.service", "my.counter{my.counter.attr=some value}", "double", "5.0", "OK"),
        ("value", "my.service", "my.gauge{my.gauge.attr=some value}", "double", "10.0", "OK"),
        ("value", "my.service", "my.histogram.count{my.histogram.attr=some value}", "int", "2", "OK"),
        ("value", "my.service", "my.histogram.sum{my.histogram.attr=some value}", "double", "2.0", "OK"),
    ]
    assert {item.data.split("{")[0].rpartition(".")[2] for item in values[2:]} == {"count", "sum", "p50", "p95", "p99"}
    assert {item.timestamp for item in values} == {1_544_712_660_300_000_000}
    assert json.loads(values[0].attributes or "")["metric"] == {
        "kind": "sum", "unit": "1", "description": "I am a Counter", "monotonic": True, "temporality": 1,
    }  # fmt: skip


def test_a_point_sent_again_has_the_same_id_and_another_time_or_attribute_another() -> None:
    def one(time_ns: int, *attributes: dict[str, Any]) -> Row:
        point = {"asInt": "7", "timeUnixNano": str(time_ns), "attributes": list(attributes)}
        metric = {"name": "queue.size", "gauge": {"dataPoints": [point]}}
        document = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
        return row(list(otlp_json.rows(document, 1)))

    a, b = text("shard", 3, "intValue"), text("host", "x")
    assert one(5, a, b) == one(5, a, b)
    assert one(5, a, b).data == one(5, b, a).data == "queue.size{host=x, shard=3}"
    assert one(5, a, b).span_id == one(5, b, a).span_id
    assert len({one(5).span_id, one(6).span_id, one(5, a).span_id}) == 3
    assert (one(5).data_type, one(5).data_value, one(5).trace_id) == ("int", "7", None)


def test_a_point_without_a_recorded_value_is_a_missing_reading() -> None:
    metric = {"name": "m", "gauge": {"dataPoints": [{"flags": 1, "asDouble": 3, "timeUnixNano": "5"}]}}
    result = row(list(otlp_json.rows({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}, 1)))
    assert (result.kind, result.data_value) == ("value", "")


def test_numbers_that_json_cannot_write_are_named_and_never_break_the_column() -> None:
    points = [{"timeUnixNano": "9", "asDouble": number} for number in ("NaN", "-Infinity")]
    metric = {"name": "m", "gauge": {"dataPoints": points}}
    document = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    message = ParseDict(document, messages.REQUESTS["metrics"]())
    for parts in (otlp_json.rows(document, 1), messages.rows(message)):
        assert [part.data_value for part in parts if isinstance(part, Row)] == ["NaN", "-Infinity"]
    span = {"traceId": TRACE, "spanId": SPAN, "attributes": [text("d", float("inf"), "doubleValue")]}
    result = row(list(otlp_json.rows(export(span), 1)))
    assert json.loads(result.attributes or "", parse_constant=str.upper)["attributes"] == {"d": "Infinity"}


def test_selected_attributes_are_values_of_their_call() -> None:
    pairs = [
        text("price", 1.5, "doubleValue"),
        {"key": "open", "value": {"boolValue": False}},
        text("note", "x"),
        text("other", "y"),
    ]
    span = {"traceId": TRACE, "spanId": SPAN, "name": "tick", "startTimeUnixNano": "9", "attributes": pairs}
    selected = ("price", "open", "note", "absent")
    call, *values = [part for part in otlp_json.rows(export(span), 1, selected) if isinstance(part, Row)]
    assert (call.kind, call.data) == ("call", "tick")
    assert [(item.kind, item.data, item.data_type, item.data_value) for item in values] == [
        ("value", "price", "double", "1.5"),
        ("value", "open", "bool", "false"),
        ("value", "note", "string", "x"),
    ]
    assert {(item.trace_id, item.parent_span_id, item.timestamp, item.status) for item in values} == {
        (TRACE, SPAN, 9, "OK")
    }
    assert len({item.span_id for item in values} | {SPAN}) == 4
    assert [*otlp_json.rows(export(span), 1, selected)] == [call, *values]


def test_the_rest_of_the_resource_stays_with_the_call() -> None:
    resource = {
        "attributes": [text("service.name", "shop"), text("service.instance.id", "shop-1"), text("host.name", "h")]
    }
    result = row(list(otlp_json.rows(export({"traceId": TRACE, "spanId": SPAN}, resource=resource), 1)))
    assert (result.process, result.process_group) == ("shop-1", "shop")
    assert json.loads(result.attributes or "") == {"resource": {"host.name": "h"}}


def test_names_of_enums_are_read_as_their_numbers() -> None:
    given = {"traceId": TRACE, "spanId": SPAN, "kind": "SPAN_KIND_SERVER", "status": {"code": "STATUS_CODE_ERROR"}}
    numbers = {**given, "kind": 2, "status": {"code": 2}}
    assert [*otlp_json.rows(export(given), 1)] == [*otlp_json.rows(export(numbers), 1)]


def test_times_beyond_64_bits_and_bad_ids_are_not_stored_as_something_else() -> None:
    message = TracesData()
    group = message.resource_spans.add().scope_spans.add()
    group.spans.add(trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(SPAN), start_time_unix_nano=2**64 - 1)
    for trace_id, span_id in ((b"", bytes(8)), (bytes(16), b"x" * 8), (b"x" * 16, b"x" * 7)):
        group.spans.add(trace_id=trace_id, span_id=span_id)
    assert [part.line for part in messages.rows(message, 4) if isinstance(part, Refused)] == [4, 4, 4, 4]


def test_a_body_that_is_no_message_is_an_error() -> None:
    with pytest.raises(ValueError, match="Error parsing message"):
        messages.parse("traces", b"\xff\xff\xff")


def test_an_answer_is_empty_unless_something_was_rejected() -> None:
    assert messages.response("traces").SerializeToString() == b""
    assert not messages.response("logs").HasField("partial_success")
    partial: Any = messages.response("metrics", 2, "histograms are no values")
    assert (partial.partial_success.rejected_data_points, partial.partial_success.error_message) == (
        2,
        "histograms are no values",
    )
