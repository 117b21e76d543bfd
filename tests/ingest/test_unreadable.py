"""What can't be read never becomes a value: it is refused by name, parsed, or shown as it is."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from obs_core.errors import FileRefused
from obs_core.ingest.files import Imported, import_file
from obs_core.ingest.formats.rows import to_int, to_ns
from obs_core.store import log, sqlite
from tests.ingest.sender import Sender

NS = 1_700_000_000_000_000_000
IDS = {"traceId": "a" * 32, "spanId": "b" * 16}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite.Connection]:
    connection = log.open_log(tmp_path / "trace.db")
    yield connection
    connection.close()


def imported(connection: sqlite.Connection, folder: Path, content: object) -> Imported:
    file = folder / "file"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return import_file(connection, file, now=1)


def otlp(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": [IDS | span for span in spans]}]}]}


def jaeger(**span: Any) -> dict[str, Any]:  # noqa: ANN401
    base = {"traceID": "1f", "spanID": "1", "operationName": "pay", "startTime": NS // 1000, "duration": 5}
    return {"traceID": "1f", "spans": [base | span], "processes": {}}


def zipkin(**span: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return [{"traceId": "1f", "id": "1", "name": "pay", "timestamp": NS // 1000, "duration": 5} | span]


def ddtrace(**span: Any) -> list[list[dict[str, Any]]]:  # noqa: ANN401
    base = {"trace_id": 2**40, "span_id": 2**40, "parent_id": 0, "name": "pay", "start": NS, "duration": 5, "error": 0}
    return [[base | span]]


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("1.7e18", 1, NS),
        (1.7e18, 1, NS),
        ("1700000000000000.5", 1000, NS + 500),
        (NS // 1000, 1000, NS),
        (f" {NS} ", 1, NS),
        ("1e999999999", 1, None),
        ("9" * 30, 1, None),
        ("1_000", 1, None),
        ("NaN", 1, None),
        (float("inf"), 1, None),
        (True, 1, None),
        (None, 1, None),
        ("2023-11-14T22:13:20Z", 1, None),
        ([1], 1, None),
    ],
)
def test_numbers_are_read_exactly_or_not_at_all(value: object, unit: int, expected: int | None) -> None:
    assert to_ns(value, unit) == expected
    assert (to_int(1.5), to_int("1.50"), to_int("1e3")) == (None, None, 1000)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (otlp({"name": "pay", "startTimeUnixNano": "2023-11-14T22:13:20Z"}), "pay, 2023-11-14"),
        (otlp({"name": "pay", "startTimeUnixNano": NS, "endTimeUnixNano": "late"}), "pay, late"),
        (otlp({"name": "pay", "startTimeUnixNano": "9" * 20}), "pay, 9999"),
        (otlp({"name": "pay", "endTimeUnixNano": str(NS)}), "a span without a time: pay"),
        (otlp({"name": "pay", "startTimeUnixNano": "0", "endTimeUnixNano": str(NS)}), "a span without a time: pay"),
        ({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "x"}}]}]}]}, "without a time: x"),
        (
            {"resourceMetrics": [{"scopeMetrics": [{"metrics": [
                {"name": "m", "gauge": {"dataPoints": [{"asInt": "1"}]}, "histogram": {"dataPoints": [{"count": "1"}]}}
            ]}]}]},
            "a point without a time: m",
        ),
        (jaeger(startTime=None), "a span without a time: pay"),
        (jaeger(startTime=0), "a span without a time: pay"),
        (ddtrace(start=None), "a span without a time: pay"),
        (b'{"name": "pay", "context": {"trace_id": "0x1", "span_id": "0x2"}, "start_time": null}', "a span without a"),
        (
            {"trace_id": "1-581cf771-a006649127e371903a2de979", "id": "70de5b6f19ff9a0a", "start_time": 0},
            "a segment without a time",
        ),
        (b"trace_id,span_id,operation,start_unix_nano\n1,2,pay,\n", "a span without a time: pay"),
        (jaeger(startTime="2023-11-14T22:13:20Z"), "startTime that is not a time in µs: pay, 2023"),
        (jaeger(duration="22938000ns"), "duration that is not"),
        (jaeger(startTime=2**62), "startTime that is not"),
        (zipkin(timestamp="2023-11-14T22:13:20Z"), "timestamp that is not"),
        (zipkin(duration="long"), "duration that is not"),
        (ddtrace(start="soon"), "start that can't be read"),
        (ddtrace(duration="long"), "duration that can't be read"),
        (ddtrace(parent_id="x"), "parent_id that can't be read"),
        (ddtrace(span_id=1.5), "without a usable id"),
        ({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "soon"}]}]}]}, "log record with a time"),
        (
            {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": NS, "severityNumber": "high"}, 7]}]}]},
            "severity",
        ),
        (
            {"resourceMetrics": [{"scopeMetrics": [{"metrics": [
                {"name": "m", "gauge": {"dataPoints": [{"timeUnixNano": "x"}]}}
            ]}]}]},
            "point with a time",
        ),
        (
            {"resourceMetrics": [{"scopeMetrics": [{"metrics": [
                {"name": "m", "gauge": {"dataPoints": [{"asDouble": "many", "timeUnixNano": str(NS)}]}}
            ]}]}]},
            "value or flags that are not a number",
        ),
        (b"trace_id,span_id,operation,start_unix_nano,duration_ms\n1,2,pay,170,long\n", "duration_ms “long”"),
        (b"trace_id,span_id,operation,start_unix_nano\n1,2,pay,soon\n", "start_unix_nano “soon”"),
        (
            b"Process,Data,Data Type,Data Value,Timestamp,Status,Exception,memory_delta\na,b,int,1,2023,OK,,much\n",
            "memory_delta “much”",
        ),
    ],
)  # fmt: skip
def test_what_cant_be_read_is_refused_by_name(
    connection: sqlite.Connection, tmp_path: Path, document: object, says: str
) -> None:
    done = imported(connection, tmp_path, document)
    assert (done.stored, done.read) == (0, done.refused_count)
    assert says in done.refused[0].why


def test_exponents_and_fractions_are_times(connection: sqlite.Connection, tmp_path: Path) -> None:
    imported(connection, tmp_path, otlp({"startTimeUnixNano": "1.7e18", "endTimeUnixNano": 1.700000000005e18}))
    imported(connection, tmp_path, jaeger(startTime=f"{NS // 1000}.5"))
    rows = connection.execute("SELECT timestamp, duration_ns FROM data_trace ORDER BY id").fetchall()
    assert rows == [(NS, 5_000_000), (NS + 500, 5_000)]


def test_what_the_log_has_no_column_for_is_shown_as_it_is(connection: sqlite.Connection, tmp_path: Path) -> None:
    span = {
        "startTimeUnixNano": NS, "parentSpanId": "root", "status": {"code": "FAILED"},
        "links": [{"traceId": "x", "spanId": "y"}], "events": [{"name": "e", "timeUnixNano": "soon"}],
    }  # fmt: skip
    imported(connection, tmp_path, otlp(span))
    about = json.loads(connection.execute("SELECT attributes FROM data_trace").fetchone()[0])
    assert about["span"] == {"parentSpanId": "root", "statusCode": "FAILED"}
    assert about["links"] == [{"trace_id": "x", "span_id": "y"}]
    assert about["events"] == [{"name": "e", "time_ns": None, "attributes": {}, "time": "soon"}]


def test_severities_may_be_names(connection: sqlite.Connection, tmp_path: Path) -> None:
    records = [
        {"timeUnixNano": NS, "severityNumber": f"SEVERITY_NUMBER_{name}"} for name in ("WARN4", "ERROR", "FATAL2")
    ]
    imported(connection, tmp_path, {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})
    rows = connection.execute("SELECT status, attributes FROM data_trace ORDER BY id").fetchall()
    assert [(status, json.loads(text)["severity_number"]) for status, text in rows] == [
        ("UNSET", 16), ("ERROR", 17), ("ERROR", 22),
    ]  # fmt: skip


def test_received_times_that_the_log_cant_hold_are_rejected_by_name(tmp_path: Path) -> None:
    sender = Sender(tmp_path / "trace.db")
    late = 2**63
    spans = ExportTraceServiceRequest()
    spans.resource_spans.add().scope_spans.add().spans.add(
        trace_id=b"a" * 16, span_id=b"b" * 8, name="pay", start_time_unix_nano=late
    )
    records = ExportLogsServiceRequest()
    records.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=late)
    points = ExportMetricsServiceRequest()
    points.resource_metrics.add().scope_metrics.add().metrics.add(name="m").gauge.data_points.add(time_unix_nano=late)
    for signal, request in (("traces", spans), ("logs", records), ("metrics", points)):
        body = request.SerializeToString()
        for time, says in ((late, b"time that can't be read"), (0, b"without a time")):
            answer = sender.post(body.replace(late.to_bytes(8, "little"), time.to_bytes(8, "little")), signal)
            assert answer.status_code == 200
            assert says in answer.content
    assert sender.rows("id") == []


@pytest.mark.parametrize("document", [jaeger, zipkin, ddtrace])
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_json_has_not_are_their_names_in_valid_json(
    connection: sqlite.Connection,
    tmp_path: Path,
    document: Callable[..., object],
    number: str,
) -> None:
    tags: dict[object, dict[str, Any]] = {
        jaeger: {"tags": [{"key": "score", "value": 7.5}]},
        zipkin: {"tags": {"score": 7.5}},
        ddtrace: {"metrics": {"score": 7.5}},
    }
    text = json.dumps(document(**tags[document])).replace("7.5", number)
    imported(connection, tmp_path, text.encode())
    query = "SELECT json_extract(attributes, '$.attributes.score') FROM data_trace"
    assert connection.execute(query).fetchone() == ({"1e400": "Infinity"}.get(number, number),)


def test_numbers_that_json_has_not_are_their_names_by_the_exporter_of_the_sdk(tmp_path: Path) -> None:
    program = """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from obs_core.capture.otel import Exporter
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(Exporter()))
with provider.get_tracer("m").start_as_current_span("pay") as span:
    span.set_attributes({"score": float("nan"), "many": [1.5, float("-inf")]})
provider.shutdown()
"""
    environment = {"OBS_LOG": str(tmp_path / "trace.db"), "PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=120)
    connection = log.open_log(tmp_path / "trace.db")
    [(text,)] = connection.execute("SELECT json(attributes) FROM data_trace").fetchall()
    assert json.loads(text)["attributes"] == {"score": "NaN", "many": [1.5, "-Infinity"]}
    connection.close()


HEADER = "Process{0}Data{0}Data Type{0}Data Value{0}Timestamp{0}Status{0}Exception\r\n"


def table(*names: str, delimiter: str = ";") -> str:
    lines = [f"feed;{name};float;1.5;2023-11-14 22:13:20;OK;\r\n".replace(";", delimiter) for name in names]
    return HEADER.format(delimiter) + "".join(lines)


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("cp1252", ("Wärme", "Würme")),
        ("cp1252", ("x" * 70_000, "Größe in °C", "Übergabe")),
        ("cp1252", ("Señal en m²", "5 € (été)", "µ-Controller", "Ångström «créée»")),
        ("utf-8", ("Wärme", "温度")),
        ("utf-8-sig", ("Wärme", "Würme")),
        ("utf-16", ("Wärme", "Würme")),
    ],
)
def test_a_table_is_read_in_the_code_page_that_it_has(
    connection: sqlite.Connection, tmp_path: Path, page: str, names: tuple[str, ...]
) -> None:
    done = imported(connection, tmp_path, table(*names).encode(page))
    assert [name for (name,) in connection.execute("SELECT data FROM data_trace ORDER BY id")] == list(names)
    said = [part.why for part in done.refused]
    assert said == ([f"the file is not UTF-8; it was read as {page}"] if page.startswith("cp") else [])
    assert done.read == len(names)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (table("炉の温度", "値").encode("shift_jis"), "does not read like cp1252"),
        (table("Температура", "x").encode("cp1251"), "does not read like cp1252"),
        (table("zażółć", "x").encode("cp1250"), "does not read like cp1252"),
        (table("w Łodzi").encode("cp1250"), "does not read like cp1252"),
        (table("Θερμότητα").encode("cp1253"), "does not read like cp1252"),
        (table("锅炉温度").encode("gb18030"), "does not read like cp1252"),
        (table("Wärme").encode() + table("Würme").encode("cp1252"), "line 4 can't be read: it is not UTF-8"),
        (table("Wärme").encode("utf-16")[:-1], "is not UTF-16"),
        ('{"resourceSpans": "Wärme"}'.encode("cp1252"), "line 1 can't be read: it is not UTF-8"),
    ],
)  # fmt: skip
def test_text_in_an_unknown_encoding_is_refused(
    connection: sqlite.Connection, tmp_path: Path, content: bytes, says: str
) -> None:
    with pytest.raises(FileRefused, match=says):
        imported(connection, tmp_path, content)
    assert connection.execute("SELECT count(*) FROM data_trace").fetchone() == (0,)


@pytest.mark.parametrize("delimiter", [";", "|", ","])
def test_the_first_line_of_excel_names_the_delimiter(
    connection: sqlite.Connection, tmp_path: Path, delimiter: str
) -> None:
    done = imported(connection, tmp_path, f"sep={delimiter}\r\n{table('a', 'b', delimiter=delimiter)}".encode())
    assert (done.stored, done.refused_count) == (2, 0)


def test_nothing_stored_and_everything_refused_is_exit_code_2(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    command = [sys.executable, "-m", "obs_core", "import", str(file), "--log", str(tmp_path / "trace.db")]
    codes = []
    for spans in ([{"startTimeUnixNano": "soon"}], [{"startTimeUnixNano": "soon"}, {"startTimeUnixNano": NS}]):
        file.write_text(json.dumps(otlp(*spans)))
        codes.append(subprocess.run(command, capture_output=True, check=False, timeout=120).returncode)
    assert codes == [2, 0]
