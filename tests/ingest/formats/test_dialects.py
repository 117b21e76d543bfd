"""The dialects of formats that people have: envelopes, older versions, stored spans, and what Python's libraries print.

Files in tests/data/cases were written for these tests; expectations are written by hand, from the formats' sources.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from obs_core.errors import FileRefused
from obs_core.ingest.files import Imported, import_file
from obs_core.store import log, sqlite
from tests.support.data import DATA

T = 1_700_000_000_000_000_000
TRACE, FIRST, SECOND = "a" * 31 + "1", "b" * 16, "c" * 16
COLUMNS = "trace_id, span_id, parent_span_id, process_group, data, timestamp, status, exception, duration_ns"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite.Connection]:
    connection = log.open_log(tmp_path / "trace.db")
    yield connection
    connection.close()


def imported(connection: sqlite.Connection, folder: Path, content: object) -> Imported:
    file = folder / "file"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    done = import_file(connection, file, now=1)
    assert import_file(connection, file, now=2).already == done.stored
    return done


def case(name: str) -> bytes:
    return (DATA / "cases" / f"{name}.json").read_bytes()


def rows(connection: sqlite.Connection, columns: str = COLUMNS) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {columns} FROM data_trace ORDER BY id").fetchall()


def about(connection: sqlite.Connection) -> list[Any]:
    return [json.loads(text or "{}") for (text,) in rows(connection, "attributes")]


TEMPO = json.loads(case("otlp_of_tempo_tempo_v1"))


@pytest.mark.parametrize(
    "document",
    [
        TEMPO,
        json.loads(case("otlp_of_tempo_resource_spans_base64")),
        {"trace": TEMPO, "status": "COMPLETE"},
        {"trace": {"resourceSpans": TEMPO["batches"]}},
        {"result": {"resourceSpans": TEMPO["batches"]}},
    ],
)
def test_downloads_of_tempo_grafana_and_jaeger_3_are_otlp(
    connection: sqlite.Connection, tmp_path: Path, document: object
) -> None:
    imported(connection, tmp_path, document)
    assert rows(connection) == [
        (TRACE, FIRST, None, "shop", "pay", T, "ERROR", "declined", 5_000_000),
        (TRACE, SECOND, FIRST, "shop", "bank", T, "UNSET", None, 5_000_000),
    ]


ONE, TWO = (json.loads(text) for text in case("several_documents_glued").decode().replace("}{", "}\n{").splitlines())


@pytest.mark.parametrize(
    "content",
    [
        case("several_documents_pretty"),
        case("several_documents_glued"),
        json.dumps(ONE).encode() + b"\n\n" + json.dumps(TWO, indent=2).encode(),
        b"\x1e" + json.dumps(ONE).encode() + b"\n\x1e" + json.dumps(TWO).encode() + b"\n",
        json.dumps([ONE, TWO], indent=1).encode(),
    ],
)
def test_documents_one_after_the_other_are_all_read(
    connection: sqlite.Connection, tmp_path: Path, content: bytes
) -> None:
    assert imported(connection, tmp_path, content).stored == 2
    assert rows(connection, "data") == [("one",), ("two",)]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (case("several_documents_pretty")[:-9], 62),
        (json.dumps(ONE).encode() + b"\n" + json.dumps(TWO).encode()[:-3] + b"\n" + json.dumps(ONE).encode(), 2),
        (json.dumps(ONE, indent=1).encode() + b"\n{]", 33),
    ],
)
def test_a_document_that_is_cut_off_is_refused_with_its_line(
    connection: sqlite.Connection, tmp_path: Path, content: bytes, line: int
) -> None:
    with pytest.raises(FileRefused, match=f"line {line} is not complete JSON"):
        imported(connection, tmp_path, content)
    assert rows(connection) == []


def test_zipkin_1_is_read_as_what_it_is(connection: sqlite.Connection, tmp_path: Path) -> None:
    imported(connection, tmp_path, case("zipkin_v1_trace"))
    assert [row[3:] for row in rows(connection)] == [("shop", "get", T, "ERROR", "boom", 9_000_000)]
    [parts] = about(connection)
    assert (parts["attributes"], parts["span"]["kind"], "events" in parts) == ({"http.path": "/y"}, 2, False)


def test_a_span_of_zipkin_1_may_hold_both_halves(connection: sqlite.Connection, tmp_path: Path) -> None:
    web, cart = ({"serviceName": name, "ipv4": ip} for name, ip in (("web", "10.0.0.1"), ("cart", "10.0.0.2")))
    times = (("cs", 0, web), ("sr", 2, cart), ("hit", 3, cart), ("ss", 5, cart), ("cr", 9, web))
    notes = [{"value": name, "timestamp": T // 1000 + at, "endpoint": endpoint} for name, at, endpoint in times]
    tags = [{"key": "http.path", "value": "/", "endpoint": web}, {"key": "error", "value": "late", "endpoint": cart}]
    address = {"key": "sa", "value": True, "endpoint": cart}
    span = {"traceId": "1", "id": FIRST, "name": "get", "annotations": notes, "binaryAnnotations": [*tags, address]}
    imported(connection, tmp_path, [span])
    found = rows(connection)
    assert [row[3:] for row in found] == [
        ("web", "get", T, "UNSET", None, 9_000),
        ("cart", "get", T + 2_000, "ERROR", "late", 3_000),
    ]
    assert (found[0][1], found[1][2]) == (FIRST, FIRST)
    client, server = about(connection)
    assert (client["attributes"], client["span"]["remoteEndpoint"]["serviceName"]) == ({"http.path": "/"}, "cart")
    assert [event["name"] for event in server["events"]] == ["hit"]


def test_tags_of_opentelemetry_in_zipkin_are_fields(connection: sqlite.Connection, tmp_path: Path) -> None:
    imported(connection, tmp_path, case("zipkin_otel_status_trace"))
    assert rows(connection, "data, status, exception") == [("a", "ERROR", "disk full"), ("b", "OK", None)]
    assert about(connection)[0] == {"scope": {"name": "lib"}}


def test_an_error_log_with_message_and_stack_is_an_exception_and_repeated_tags_are_a_list(
    connection: sqlite.Connection, tmp_path: Path
) -> None:
    imported(connection, tmp_path, case("jaeger_error_log_trace"))
    assert rows(connection, "exception, exception_stack") == [("card declined", "at pay (shop.js:3)")]
    assert about(connection)[0]["attributes"] == {"sql": ["select 1", "select 2"]}


def test_links_and_events_of_ddtrace_are_stored(connection: sqlite.Connection, tmp_path: Path) -> None:
    document = json.loads(case("ddtrace_links_trace"))
    imported(connection, tmp_path, document)
    link = {
        "trace_id": "69e92a32000000006124fee993bc0005",
        "span_id": "6124fee993bc0006",
        "attributes": {"why": "batch"},
    }
    assert about(connection)[0]["links"] == [link]
    span = document[0][0]
    span |= {"span_id": 9, "span_links": None, "meta": {"_dd.span_links": json.dumps([link])}}
    span["span_events"] = [{"name": "e", "time_unix_nano": T, "attributes": {"n": {"type": 2, "int_value": 3}}}]
    imported(connection, tmp_path, document)
    parts = about(connection)[1]
    assert parts["links"] == [link]
    assert parts["events"] == [{"name": "e", "time_ns": T, "attributes": {"n": 3}}]


def base64_of(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


ELASTICSEARCH = {
    "traceID": TRACE, "spanID": SECOND, "operationName": "bank", "startTime": T // 1000, "startTimeMillis": T // 10**6,
    "references": [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": FIRST}], "duration": 5_000, "logs": [],
    "tags": [{"key": "error", "type": "bool", "value": "true"}, {"key": "n", "type": "int64", "value": "7"}],
    "tag": {"http@path": "/x"}, "process": {"serviceName": "shop", "tags": [], "tag": {"host@name": "h"}},
}  # fmt: skip
MODEL = {
    "traceId": base64_of(TRACE), "spanId": base64_of(SECOND), "operationName": "bank",
    "references": [{"traceId": base64_of(TRACE), "spanId": base64_of(FIRST)}],
    "startTime": "2023-11-14T22:13:20.000000Z", "duration": "0.005s", "process": {"serviceName": "shop", "tags": [
        {"key": "host.name", "vStr": "h"}]},
    "tags": [{"key": "error", "vType": "BOOL", "vBool": True}, {"key": "n", "vType": "INT64", "vInt64": "7"},
             {"key": "http.path", "vStr": "/x"}],
}  # fmt: skip


@pytest.mark.parametrize(
    "document",
    [ELASTICSEARCH, {"_index": "i", "_source": ELASTICSEARCH}, {"hits": {"hits": [{"_source": ELASTICSEARCH}]}}, MODEL],
)  # fmt: skip
def test_spans_as_jaeger_stores_them_are_read(connection: sqlite.Connection, tmp_path: Path, document: object) -> None:
    imported(connection, tmp_path, document)
    assert rows(connection) == [(TRACE, SECOND, FIRST, "shop", "bank", T, "ERROR", None, 5_000_000)]
    assert about(connection) == [{"attributes": {"n": 7, "http.path": "/x"}, "resource": {"host.name": "h"}}]


def test_what_the_console_exporter_of_opentelemetry_prints_is_read(
    connection: sqlite.Connection, tmp_path: Path
) -> None:
    program = """
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind
provider = TracerProvider(resource=Resource({"service.name": "shop", "host.name": "h"}))
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
tracer = provider.get_tracer("m")
try:
    with tracer.start_as_current_span("pay", kind=SpanKind.CLIENT, links=[Link(SpanContext(1, 2, True), {"a": 1})]):
        with tracer.start_as_current_span("bank", attributes={"n": 7}):
            raise ValueError("declined")
except ValueError:
    pass
"""
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=120).stdout
    assert imported(connection, tmp_path, printed).stored == 2
    bank, pay = rows(connection)
    assert (bank[2], bank[3:5], bank[6:8]) == (pay[1], ("shop", "bank"), ("ERROR", "ValueError: declined"))
    parts = about(connection)
    assert (parts[0]["attributes"], parts[0]["resource"]["host.name"]) == ({"n": 7}, "h")
    link = {"trace_id": f"{1:032x}", "span_id": f"{2:016x}", "attributes": {"a": 1}}
    assert (parts[1]["links"], parts[1]["span"]) == ([link], {"kind": 3})


PHOENIX = {
    "name": "llm", "context": {"trace_id": TRACE, "span_id": FIRST}, "span_kind": "LLM", "parent_id": None,
    "start_time": "2023-11-14T22:13:20+00:00", "end_time": "2023-11-14T22:13:20.005+00:00", "status_code": "ERROR",
    "status_message": "late", "attributes": {"llm.model_name": "m"},
    "events": [{"name": "exception", "timestamp": "2023-11-14T22:13:20+00:00", "message": "timed out"}],
}  # fmt: skip
MLFLOW_2 = {
    "info": {"request_id": "r"},
    "data": {"spans": [{
        "name": "llm", "context": {"trace_id": f"0x{TRACE}", "span_id": f"0x{FIRST}"}, "parent_id": None,
        "start_time": T, "end_time": T + 5_000_000, "status_code": "ERROR", "status_message": "timed out", "events": [],
        "attributes": {"mlflow.spanType": '"LLM"', "mlflow.traceRequestId": '"r"'},
    }]},
}  # fmt: skip
MLFLOW_3 = {
    "info": {"trace_id": "tr-1"},
    "data": {"spans": [{
        "trace_id": base64_of(TRACE), "span_id": base64_of(FIRST), "parent_span_id": None, "name": "llm",
        "start_time_unix_nano": T, "end_time_unix_nano": T + 5_000_000, "events": [],
        "status": {"code": "STATUS_CODE_ERROR", "message": "timed out"}, "attributes": {"mlflow.spanType": '"LLM"'},
    }]},
}  # fmt: skip


@pytest.mark.parametrize("document", [PHOENIX, MLFLOW_2, MLFLOW_3])
def test_traces_of_phoenix_and_mlflow_are_read(connection: sqlite.Connection, tmp_path: Path, document: object) -> None:
    imported(connection, tmp_path, document)
    assert rows(connection) == [(TRACE, FIRST, None, "unknown_service", "llm", T, "ERROR", "timed out", 5_000_000)]
    [parts] = about(connection)
    assert "LLM" in (parts["attributes"].get("mlflow.spanType"), parts.get("span", {}).get("kind"))


SEGMENT = {
    "trace_id": "1-aaaaaaaa-aaaaaaaaaaaaaaaaaaaaaaa1", "id": FIRST, "name": "shop", "start_time": 1_700_000_000.25,
    "end_time": 1_700_000_000.75, "fault": True, "annotations": {"customer": 7}, "http": {"request": {"method": "GET"}},
    "cause": {"exceptions": [{"id": "e", "type": "ValueError", "message": "declined",
                              "stack": [{"path": "pay.py", "line": 3, "label": "pay"}]}]},
    "subsegments": [{"id": SECOND, "name": "bank", "start_time": 1_700_000_000.5, "in_progress": True,
                     "namespace": "remote"}],
}  # fmt: skip


@pytest.mark.parametrize(
    "document",
    [SEGMENT, [SEGMENT], {"Traces": [{"Segments": [{"Id": FIRST, "Document": json.dumps(SEGMENT)}]}]}],
)  # fmt: skip
def test_segments_of_x_ray_are_read(connection: sqlite.Connection, tmp_path: Path, document: object) -> None:
    imported(connection, tmp_path, document)
    quarter = 250_000_000
    assert rows(connection) == [
        (TRACE, FIRST, None, "shop", "shop", T + quarter, "ERROR", "ValueError: declined", 2 * quarter),
        (TRACE, SECOND, FIRST, "shop", "bank", T + 2 * quarter, "UNSET", None, None),
    ]
    segment, part = about(connection)
    assert segment["attributes"] == {"customer": 7, "fault": True, "http": {"request": {"method": "GET"}}}
    assert (segment["span"], part["span"]) == ({"kind": 2}, {"kind": 3})
    assert rows(connection, "exception_stack")[0] == ('  File "pay.py", line 3, in pay',)
