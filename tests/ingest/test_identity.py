"""What rows of one key become: the same row, its completion, another span with an id of its own, or a refusal by name.

Expectations are written by hand, from the rules of Zipkin and Jaeger; the property holds for every importer.
"""

import copy
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obs_core.ingest.files import Imported, import_file
from obs_core.store import log, sqlite
from tests.ingest.sender import Sender
from tests.support.data import content, trace_file

T = 1_700_000_000_000_000  # µs
Document = dict[str, Any]
NUMBERS = itertools.count()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite.Connection]:
    connection = log.open_log(tmp_path / "trace.db")
    yield connection
    connection.close()


def imported(connection: sqlite.Connection, folder: Path, document: object) -> Imported:
    file = folder / f"{next(NUMBERS)}.json"
    file.write_text(json.dumps(document), "utf-8")
    return import_file(connection, file, now=1)


def tree(connection: sqlite.Connection) -> set[tuple[str, str | None, str, str | None]]:
    """Each span: its name, its parent's name, its status and its exception."""
    return set(
        connection.execute(
            "SELECT child.data, parent.data, child.status, child.exception FROM data_trace AS child "
            "LEFT JOIN data_trace AS parent ON parent.trace_id = child.trace_id "
            "AND parent.span_id = child.parent_span_id"
        )
    )


def zipkin(span_id: str, name: str | None, service: str, at: int, duration: int | None = 900, **more: Any) -> Document:  # noqa: ANN401
    fields = {"name": name, "timestamp": T + at if at else None, "duration": duration, **more}
    span = {"traceId": "aaaaaaaaaaaaaaa1", "id": span_id, "localEndpoint": {"serviceName": service}}
    return span | {name: value for name, value in fields.items() if value is not None}


SHARED = "bbbbbbbbbbbbbbb1"
TWO_SERVERS = [
    zipkin(SHARED, "publish", "shop", 1, 9_000, kind="CLIENT"),
    zipkin(SHARED, "charge", "billing", 1_000, 3_000, kind="SERVER", shared=True),
    zipkin(SHARED, "send", "mail", 2_000, 4_000, kind="SERVER", shared=True, tags={"error": "box full"}),
    zipkin("cccccccccccccc01", "smtp", "mail", 2_500, parentId=SHARED),
    zipkin("cccccccccccccc02", "bank", "billing", 1_500, parentId=SHARED),
    zipkin("cccccccccccccc03", "log", "shop", 8_000, parentId=SHARED),
]
BELOW_TWO_SERVERS = {
    ("publish", None, "UNSET", None),
    ("charge", "publish", "UNSET", None),
    ("send", "publish", "ERROR", "box full"),
    ("smtp", "send", "UNSET", None),
    ("bank", "charge", "UNSET", None),
    ("log", "publish", "UNSET", None),
}


def in_otlp(spans: list[Document]) -> Document:
    """Zipkin's spans as a collector writes them: one resource per span, and no flag `shared`."""
    kinds = {"SERVER": 2, "CLIENT": 3}

    def of(span: Document) -> Document:
        endpoint, error = span["localEndpoint"], span.get("tags", {}).get("error")
        resource = [{"key": "service.name", "value": {"stringValue": endpoint["serviceName"]}}]
        host = [{"key": "net.host.ip", "value": {"stringValue": endpoint["ipv4"]}}] if "ipv4" in endpoint else []
        fields = {
            "traceId": span["traceId"].rjust(32, "0"), "spanId": span["id"], "parentSpanId": span.get("parentId", ""),
            "name": span["name"], "kind": kinds.get(span.get("kind", ""), 0), "attributes": host,
            "startTimeUnixNano": str(span["timestamp"] * 1000),
            "endTimeUnixNano": str((span["timestamp"] + span["duration"]) * 1000),
            "status": {"code": 2, "message": error} if error else {},
        }  # fmt: skip
        return {"resource": {"attributes": resource}, "scopeSpans": [{"spans": [fields]}]}

    return {"resourceSpans": [of(span) for span in spans]}


def in_jaeger(spans: list[Document]) -> Document:
    """Zipkin's spans as Jaeger's “Trace JSON (unadjusted)” has them."""
    processes: Document = {}
    found = []
    for number, span in enumerate(spans):
        endpoint, error = span["localEndpoint"], span.get("tags", {}).get("error")
        ip = [{"key": "ip", "value": endpoint["ipv4"]}] if "ipv4" in endpoint else []
        processes[f"p{number}"] = {"serviceName": endpoint["serviceName"], "tags": ip}
        parent = {"refType": "CHILD_OF", "traceID": span["traceId"], "spanID": span.get("parentId")}
        tags = {"span.kind": span.get("kind", "").lower(), "error": error}
        found.append(
            {
                "traceID": span["traceId"], "spanID": span["id"], "operationName": span["name"],
                "references": [parent] if "parentId" in span else [], "processID": f"p{number}",
                "startTime": span["timestamp"], "duration": span["duration"],
                "tags": [{"key": key, "value": value} for key, value in tags.items() if value],
            }
        )  # fmt: skip
    return {"data": [{"traceID": spans[0]["traceId"], "spans": found, "processes": processes}]}


WAYS: dict[str, Callable[[list[Document]], object]] = {"zipkin": list, "otlp": in_otlp, "jaeger": in_jaeger}


@pytest.mark.parametrize("way", WAYS)
def test_a_shared_id_answered_by_two_services_is_three_spans_in_any_order_and_in_parts(
    connection: sqlite.Connection, tmp_path: Path, way: str
) -> None:
    shape = WAYS[way]
    done = imported(connection, tmp_path, shape(TWO_SERVERS))
    assert (done.read, done.stored, done.merged, done.already, done.refused_count) == (6, 6, 0, 0, 0)
    assert tree(connection) == BELOW_TWO_SERVERS
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for spans in (TWO_SERVERS[::-1], TWO_SERVERS[1:4], TWO_SERVERS[:1], TWO_SERVERS):
        done = imported(connection, tmp_path, shape(spans))
        assert (done.stored, done.merged, done.already) == (0, 0, len(spans))
    for order in ((5, 4, 3, 2, 1, 0), (1, 0, 3, 5, 2, 4), (3, 1, 5, 0, 4, 2)):
        other = log.open_log(tmp_path / f"{order}.db")
        for number in order:  # each span in a file of its own
            imported(other, tmp_path, shape([TWO_SERVERS[number]]))
        assert tree(other) == BELOW_TWO_SERVERS
        other.close()


def test_a_received_shared_id_is_sorted_out_across_batches_and_by_file_and_receiver(tmp_path: Path) -> None:
    sender = Sender(tmp_path / "trace.db")
    for span in (TWO_SERVERS[4], TWO_SERVERS[2], TWO_SERVERS[0], TWO_SERVERS[1], TWO_SERVERS[3], TWO_SERVERS[5]):
        answer = sender.post(json.dumps(in_otlp([span])).encode(), content_type="application/json")
        assert (answer.status_code, answer.json()) == (200, {})
    sender.rows("id")
    connection = log.open_log(sender.log)
    assert tree(connection) == BELOW_TWO_SERVERS
    assert imported(connection, tmp_path, in_otlp(TWO_SERVERS)).already == 6
    connection.close()


@pytest.mark.parametrize("way", WAYS)
def test_two_instances_that_answer_one_shared_id_have_ids_of_their_own(
    connection: sqlite.Connection, tmp_path: Path, way: str
) -> None:
    first, second = ({"serviceName": "mail", "ipv4": ip} for ip in ("10.0.0.79", "10.0.0.187"))
    answers: Document = {"kind": "SERVER", "shared": True}
    spans = [
        zipkin(SHARED, "send", "shop", 1, kind="CLIENT"),
        zipkin(SHARED, "receive", "mail", 2, localEndpoint=first, **answers),
        zipkin(SHARED, "receive", "mail", 2, localEndpoint=second, **answers),
        zipkin("cccccccccccccc01", "smtp", "mail", 3, localEndpoint=second, parentId=SHARED),
    ]
    done = imported(connection, tmp_path, WAYS[way](spans))
    assert (done.stored, done.refused_count) == (4, 0)
    answer = (
        "SELECT attributes FROM data_trace WHERE span_id = (SELECT parent_span_id FROM data_trace WHERE data = 'smtp')"
    )
    assert "10.0.0.187" in connection.execute(answer).fetchone()[0]
    assert imported(connection, tmp_path, WAYS[way](spans[::-1])).already == 4


PIECES = [
    zipkin(SHARED, "get", "shop", 1, 9_000, kind="SERVER", tags={"http.path": "/x"}),
    zipkin(SHARED, None, "shop", 0, None, tags={"error": "late failure"}),
    zipkin(SHARED, None, "shop", 0, None, annotations=[{"timestamp": T + 5, "value": "flushed"}], parentId="1" * 16),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("files", [1, 3])
def test_a_zipkin_span_in_pieces_is_one_span_in_any_order(
    connection: sqlite.Connection, tmp_path: Path, order: tuple[int, ...], files: int
) -> None:
    pieces = [PIECES[number] for number in order]
    batches = [pieces] if files == 1 else [[piece] for piece in pieces]
    done = [imported(connection, tmp_path, batch) for batch in batches]
    assert [sum(getattr(part, name) for part in done) for name in ("stored", "merged", "already")] == [1, 2, 0]
    [row] = connection.execute(
        "SELECT data, status, exception, duration_ns, parent_span_id, attributes FROM data_trace"
    )
    assert row[:5] == ("get", "ERROR", "late failure", 9_000_000, "1" * 16)
    about = json.loads(row[5])
    assert (about["attributes"], about["span"]) == ({"http.path": "/x"}, {"kind": 2})
    assert [event["name"] for event in about["events"]] == ["flushed"]
    assert imported(connection, tmp_path, PIECES).already == 3


@pytest.mark.parametrize("nested", [True, False])
def test_zipkin_ids_of_64_and_128_bits_are_one_trace(
    connection: sqlite.Connection, tmp_path: Path, *, nested: bool
) -> None:
    long = "463ac35c9f6413ad48485a3953bb6124"
    spans = [zipkin("b" * 16, "old", "old", 1, traceId=long[16:]), zipkin("c" * 16, "new", "new", 2, traceId=long)]
    imported(connection, tmp_path, [spans] if nested else spans)
    assert connection.execute("SELECT trace_id, count(*) FROM data_trace GROUP BY 1").fetchall() == [(long, 2)]


@pytest.mark.parametrize("name", ["traceId", "severityNumber", "severityText", "body", "spanId", "eventName"])
def test_log_records_that_differ_in_one_field_are_two_rows(
    connection: sqlite.Connection, tmp_path: Path, name: str
) -> None:
    record = {"timeUnixNano": "1700000000000000000", "severityNumber": 9, "body": {"stringValue": "closed"}}
    other = {"body": {"intValue": "7"}, "traceId": "a" * 32, "spanId": "b" * 16, "severityNumber": 17}
    records = [record, record | {name: other.get(name, "x")}]
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
    assert imported(connection, tmp_path, document).stored == 2
    assert imported(connection, tmp_path, document).already == 2
    document["resourceLogs"][0]["scopeLogs"][0]["logRecords"].reverse()
    assert imported(connection, tmp_path, document).already == 2


def test_points_of_one_time_with_two_numbers_are_two_rows(connection: sqlite.Connection, tmp_path: Path) -> None:
    points = [{"timeUnixNano": "1700000000000000000", "asInt": number} for number in ("1", "2", "1")]
    metrics = [{"name": "load", "gauge": {"dataPoints": points}}]
    document = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}
    done = imported(connection, tmp_path, document)
    assert (done.read, done.stored, done.already) == (3, 2, 1)
    assert imported(connection, tmp_path, document).already == 3


def test_a_span_that_differs_from_the_one_with_its_id_is_refused_by_name(
    connection: sqlite.Connection, tmp_path: Path
) -> None:
    spans = [zipkin(SHARED, name, "shop", 1, tags={"n": name}) for name in ("get", "post")]
    done = imported(connection, tmp_path, in_otlp(spans))
    assert (done.read, done.stored, done.already, done.refused_count) == (2, 1, 0, 1)
    assert "“post” has the id of another row" in done.refused[0].why
    assert done.refused[0].why.endswith("differs from it in data")


def test_a_received_span_that_differs_is_named_in_a_log_record_once(tmp_path: Path) -> None:
    sender = Sender(tmp_path / "trace.db")
    for name in ("get", "post", "post"):
        body = in_otlp([zipkin(SHARED, name, "shop", 1)])
        sender.post(json.dumps(body).encode(), content_type="application/json")
    rows = sender.rows("kind, data, parent_span_id, data_value")
    assert [row[:3] for row in rows] == [("call", "get", None), ("log", "obs_core.store", SHARED)]
    assert rows[1][3].startswith("Not stored: “post” has the id of another row")


BASE: dict[str, Document] = {
    "zipkin": zipkin(SHARED, "get", "shop", 1, kind="CLIENT", tags={"a": "1"}),
    "otlp": in_otlp([zipkin(SHARED, "get", "shop", 1)])["resourceSpans"][0]["scopeSpans"][0]["spans"][0],
    "jaeger": in_jaeger([zipkin(SHARED, "get", "shop", 1)])["data"][0]["spans"][0],
    "ddtrace": {
        "trace_id": 7_000_000_000_000_000_003, "span_id": 7_000_000_000_000_000_004, "parent_id": 0, "name": "get",
        "service": "shop", "error": 0, "start": T * 1000, "duration": 5_000_000, "meta": {"a": "1"},
    },
}  # fmt: skip
CHANGES: dict[str, dict[str, list[Any]]] = {
    "zipkin": {
        "name": ["post", None], "timestamp": [T + 2, None], "duration": [901, None],
        "kind": ["SERVER", "PRODUCER", None],
        "parentId": ["1" * 16, "2" * 16], "tags": [{"a": "2"}, {"b": "1"}, {"error": "x"}, None],
        "annotations": [[{"timestamp": T, "value": "x"}], [{"timestamp": T, "value": "y"}]], "shared": [True],
        "localEndpoint": [{"serviceName": "cart"}, {"serviceName": "shop", "ipv4": "10.0.0.1"}, None],
        "remoteEndpoint": [{"serviceName": "db"}], "debug": [True],
    },
    "otlp": {
        "name": ["post", ""], "startTimeUnixNano": [str(T * 1000 + 7)], "endTimeUnixNano": [str(T * 1000 + 8), None],
        "kind": [2, 3, "SPAN_KIND_SERVER"], "parentSpanId": ["1" * 16, "2" * 16], "traceState": ["a=1"], "flags": [256],
        "attributes": [[{"key": "a", "value": {"stringValue": "1"}}], [{"key": "a", "value": {"intValue": "1"}}]],
        "events": [[{"name": "e", "timeUnixNano": "5"}], [{"name": "f", "timeUnixNano": "5"}]],
        "links": [[{"traceId": "c" * 32, "spanId": "d" * 16}]], "droppedEventsCount": [3],
        "status": [{"code": 2}, {"code": 1}, {"code": 2, "message": "x"}],
    },
    "jaeger": {
        "operationName": ["post"], "startTime": [T + 2], "duration": [901], "flags": [3], "warnings": [["w"]],
        "tags": [[{"key": "span.kind", "value": "server"}], [{"key": "error", "value": True}], [{"key": "a"}]],
        "logs": [[{"timestamp": T, "fields": [{"key": "event", "value": "x"}]}]],
        "references": [[{"refType": "CHILD_OF", "traceID": "aaaaaaaaaaaaaaa1", "spanID": "e" * 16}]],
    },
    "ddtrace": {
        "name": ["post"], "service": ["cart"], "start": [T * 1000 + 1], "duration": [5], "error": [1], "parent_id": [5],
        "meta": [{"a": "2"}, {"error.message": "x"}, {}], "metrics": [{"m": 1.5}], "resource": ["r"], "type": ["web"],
    },
}  # fmt: skip


def document_of(way: str, spans: list[Document]) -> object:
    if way == "otlp":
        return {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    if way == "jaeger":
        processes = {"p0": {"serviceName": "shop"}}
        return {"data": [{"traceID": "aaaaaaaaaaaaaaa1", "spans": spans, "processes": processes}]}
    return [spans]


@pytest.mark.parametrize("way", CHANGES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.data())
def test_no_importer_drops_one_of_two_spans_in_silence(tmp_path: Path, way: str, chance: st.DataObject) -> None:
    spans = []
    for _ in range(2):
        span = copy.deepcopy(BASE[way])
        for name in chance.draw(st.lists(st.sampled_from(sorted(CHANGES[way])), max_size=3, unique=True)):
            span[name] = chance.draw(st.sampled_from(CHANGES[way][name]))
        spans.append({name: value for name, value in span.items() if value is not None})
    connection = log.open_log(tmp_path / f"{next(NUMBERS)}.db")
    done = imported(connection, tmp_path, document_of(way, spans))
    assert done.read == done.stored + done.merged + done.already + done.refused_count == 2
    assert connection.execute("SELECT count(*) FROM data_trace").fetchone()[0] == done.stored
    if spans[0] != spans[1] and done.already:  # then everything that the second says is in the first
        columns = "process, data, timestamp, status, exception, duration_ns, parent_span_id, attributes"
        rows = connection.execute(f"SELECT {columns} FROM data_trace").fetchall()
        imported(connection, tmp_path, document_of(way, spans[:1]))
        assert connection.execute(f"SELECT {columns} FROM data_trace").fetchall() == rows
        alone = log.open_log(tmp_path / f"{next(NUMBERS)}.db")
        imported(alone, tmp_path, document_of(way, spans[1:]))
        [second] = alone.execute(f"SELECT {columns} FROM data_trace").fetchall()
        for mine, its in zip(rows[0][:-1], second[:-1], strict=True):
            assert mine == its or its in (None, "", 0, "UNSET", "unknown_service")
        alone.close()
    before = Counter(connection.execute("SELECT span_id, data, attributes FROM data_trace"))
    for again in (spans, spans[::-1], spans[:1], spans[1:]):
        assert imported(connection, tmp_path, document_of(way, again)).stored == 0
    assert Counter(connection.execute("SELECT span_id, data, attributes FROM data_trace")) == before
    connection.close()


@pytest.mark.parametrize("name", ["messaging-kafka", "messaging2", "skew", "yelp"])
def test_recorded_zipkin_traces_are_the_same_tree_in_parts(tmp_path: Path, name: str) -> None:
    spans = content(trace_file("zipkin", f"{name}.json"))
    spans = [span for part in spans for span in (part if isinstance(part, list) else [part])]
    trees = []
    for batches in ([spans], [[span] for span in reversed(spans)]):
        connection = log.open_log(tmp_path / f"{len(batches)}.db")
        for batch in batches:
            imported(connection, tmp_path, batch)
        trees.append(tree(connection))
        assert connection.execute("SELECT count(*) FROM data_trace").fetchone()[0] == len(spans)
        connection.close()
    assert trees[0] == trees[1]
