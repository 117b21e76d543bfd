"""OTLP JSON lines: what any reader of OTLP finds in them, held against the protobuf definition."""

import base64
import json
from pathlib import Path
from typing import Any

from google.protobuf.json_format import ParseDict

from obs_core.export.otlp import BATCH, lines
from obs_core.ingest.files import import_file
from obs_core.ingest.formats.protobuf import messages
from obs_core.model import Row
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.store import log
from tests.support.data import trace_file

CALL = Row(
    "call", "shop-1", "get", 5_000, "shop", "int", "7", trace_id="a" * 32, span_id="1" * 16, parent_span_id="2" * 16,
    function="shop.get", duration_ns=7_000, memory_delta=64,
)  # fmt: skip


def documents(*rows: Row) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(rows)]


def attributes(part: dict[str, Any]) -> dict[str, Any]:
    return {pair["key"]: next(iter(pair["value"].values()), None) for pair in part["attributes"]}


def test_a_call_is_a_span_of_its_service_with_its_function() -> None:
    [document] = documents(CALL)
    [outer] = document["resourceSpans"]
    assert attributes(outer["resource"]) == {"service.name": "shop", "service.instance.id": "shop-1"}
    [span] = outer["scopeSpans"][0]["spans"]
    assert (span["traceId"], span["spanId"], span["parentSpanId"]) == ("a" * 32, "1" * 16, "2" * 16)
    assert (span["startTimeUnixNano"], span["endTimeUnixNano"]) == ("5000", "12000")
    assert span["status"] == {"code": 1}
    assert attributes(span)["code.function.name"] == "shop.get"


def test_a_failure_is_an_exception_event_with_its_stack() -> None:
    failed = CALL._replace(status="ERROR", exception="KeyError: 'x'", exception_stack="Traceback …")
    [span] = documents(failed)[0]["resourceSpans"][0]["scopeSpans"][0]["spans"]
    [event] = span["events"]
    assert event["name"] == "exception"
    assert attributes(event) == {
        "exception.type": "KeyError",
        "exception.message": "'x'",
        "exception.stacktrace": "Traceback …",
    }
    assert span["status"] == {"code": 2}


def test_a_value_is_a_log_record_of_its_call() -> None:
    value = Row("value", "shop-1", "price", 6_000, "shop", "float", "1.5", trace_id="a" * 32, parent_span_id="1" * 16)
    [document] = documents(value)
    [record] = document["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    assert (record["eventName"], record["body"], record["timeUnixNano"]) == ("price", {"stringValue": "1.5"}, "6000")
    assert (record["traceId"], record["spanId"]) == ("a" * 32, "1" * 16)


def test_a_recorded_span_is_written_without_anything_of_ours(tmp_path: Path) -> None:
    connection = log.open_log(tmp_path / "trace.db")
    import_file(connection, trace_file("otel-demo", "traces_only.jsonl"), now=0)
    connection.close()
    with Engine(tmp_path / "trace.db") as engine:
        text = "".join(lines(row for piece in export.pieces(engine, export.ALWAYS) for row in piece))
    assert "obs_core.row" not in text
    assert text.count('"traceId"') >= 547


def test_every_line_is_a_message_of_the_definition() -> None:
    odd = CALL._replace(
        trace_id="trace-1", span_id="span-1", timestamp=-5, duration_ns=-9, attributes='{"links": [{}]}'
    )
    value = Row("value", "p", "v", 1, data_value=None)
    for document in documents(CALL, odd, value):
        signal = "traces" if "resourceSpans" in document else "logs"
        message = ParseDict(in_base64(document), messages.REQUESTS[signal]())
        assert list(messages.rows(message))


def in_base64(part: Any) -> Any:  # noqa: ANN401 - JSON
    """Protobuf's own JSON has ids in base64, OTLP's in hex."""
    if isinstance(part, list):
        return [in_base64(item) for item in part]
    if not isinstance(part, dict):
        return part
    ids = ("traceId", "spanId", "parentSpanId")
    return {
        name: base64.b64encode(bytes.fromhex(value)).decode() if name in ids else in_base64(value)
        for name, value in part.items()
    }


def test_lines_hold_batches_and_are_written_as_rows_are_read() -> None:
    taken: list[int] = []

    def rows() -> Any:  # noqa: ANN401 - a generator
        for number in range(3 * BATCH):
            taken.append(number)
            yield CALL._replace(span_id=f"{1 + number:016x}")

    written = lines(rows())
    next(written)
    assert len(taken) == BATCH
    assert len(list(written)) == 2
