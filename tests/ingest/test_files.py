"""Importing real recordings: everything once, twice changes nothing, and nothing is ever half written."""

import json
from pathlib import Path

import pytest

from obs_core.errors import FileRefused
from obs_core.ingest.files import Imported, import_file
from obs_core.store import log, sqlite
from tests.support.data import reference, series_file, trace_file, trace_files

NOW = 1_767_225_600_000_000_000
HEADER = "Process,Data,Data Type,Data Value,Timestamp,Status,Exception\n"
SPAN = {"traceId": "A" * 32, "spanId": "b" * 16, "name": "load", "startTimeUnixNano": "5", "endTimeUnixNano": 9}


@pytest.fixture
def connection(tmp_path: Path) -> sqlite.Connection:
    return log.open_log(tmp_path / "trace.db")


def imported(connection: sqlite.Connection, *files: Path, again: bool = False) -> list[Imported]:
    return [import_file(connection, file, now=NOW, again=again) for file in files]


def export(*spans: object) -> str:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]})


def rows(connection: sqlite.Connection, columns: str = "*") -> list[tuple[object, ...]]:
    return connection.execute(f"SELECT {columns} FROM data_trace ORDER BY id").fetchall()


def written(tmp_path: Path, text: str, name: str = "file") -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def test_trainticket_is_stored_whole_and_a_second_time_changes_nothing(connection: sqlite.Connection) -> None:
    files = trace_files("trainticket-1min", "otlp_json")
    summary = reference("trainticket-1min", "summary.json")
    assert sum(item.stored for item in imported(connection, *files)) == summary["rows"]
    before = rows(connection)
    assert [item.stored for item in imported(connection, *files)] == [0] * len(files)
    assert rows(connection) == before


def test_every_span_of_the_recordings_is_stored_as_it_was(connection: sqlite.Connection) -> None:
    imported(connection, trace_file("otel-demo", "traces_only.jsonl"), *trace_files("trainticket-1min", "otlp_json"))
    expected = {
        (
            item["trace_id"],
            item["span_id"],
            item["parent_id"] or None,
            item["process_group"],
            item["operation"],
            int(item["start_unix_nano"]),
            int(item["end_unix_nano"]) - int(item["start_unix_nano"]),
            item["status"],
            item["exception"] or None,
        )
        for name in ("otel-demo", "trainticket-1min")
        for item in reference_spans(name)
    }
    columns = "trace_id, span_id, parent_span_id, process_group, data, timestamp, duration_ns, status, exception"
    assert set(rows(connection, columns)) == expected


def reference_spans(name: str) -> list[dict[str, str]]:
    import csv  # noqa: PLC0415

    return list(csv.DictReader(trace_file(name, "spans.csv").read_text("utf-8").splitlines()))


def test_trainticket_names_the_instance_as_process(connection: sqlite.Connection) -> None:
    imported(connection, *trace_files("trainticket-1min", "otlp_json"))
    counted = dict(connection.execute("SELECT process, count(*) FROM data_trace GROUP BY process").fetchall())
    assert counted == {item["process"]: int(item["count"]) for item in reference("trainticket-1min", "per_process.csv")}


def test_an_exception_keeps_its_whole_stack(connection: sqlite.Connection) -> None:
    imported(connection, trace_file("otel-demo", "traces_only.jsonl"))
    [(longest,)] = connection.execute("SELECT max(length(exception_stack)) FROM data_trace").fetchall()
    assert longest > 5_000
    [(stack,)] = connection.execute(
        "SELECT exception_stack FROM data_trace WHERE exception LIKE 'ConnectionError: %' LIMIT 1"
    ).fetchall()
    assert stack.startswith("Traceback (most recent call last):")


def test_log_records_are_rows_of_kind_log_tied_to_their_call_and_stored_once(connection: sqlite.Connection) -> None:
    file = trace_file("otel-demo", "logs_only.jsonl")
    first, second = imported(connection, file, file)
    records = [
        record
        for line in file.read_text("utf-8").splitlines()
        for outer in json.loads(line)["resourceLogs"]
        for scope in outer["scopeLogs"]
        for record in scope["logRecords"]
    ]
    assert (first.stored, second.stored, second.already) == (len(records), 0, len(records))
    assert {kind for (kind,) in rows(connection, "kind")} == {"log"}
    parents = {span for (span,) in rows(connection, "parent_span_id") if span}
    assert parents == {record["spanId"].lower() for record in records if record.get("spanId", "").strip("0")}


def test_the_specification_s_own_span_is_read(connection: sqlite.Connection) -> None:
    imported(connection, trace_file("otlp-spec", "trace.json"))
    columns = "process, process_group, data, trace_id, span_id, parent_span_id, timestamp, duration_ns, status"
    assert rows(connection, columns) == [
        (
            "my.service", "my.service", "I'm a server span", "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174",
            "eee19b7ec3c1b173", 1_544_712_660_000_000_000, 1_000_000_000, "UNSET",
        )
    ]  # fmt: skip
    [(attributes,)] = rows(connection, "attributes")
    assert json.loads(str(attributes)) == {
        "attributes": {"my.span.attr": "some value"},
        "scope": {
            "name": "my.library",
            "version": "1.0.0",
            "attributes": {"my.scope.attribute": "some scope attribute"},
        },
        "span": {"kind": 2},
    }


def test_a_series_is_stored_value_by_value_and_known_by_its_content(
    connection: sqlite.Connection, tmp_path: Path
) -> None:
    gauge = series_file("dev_tide_gauge.csv")
    copy = written(tmp_path, gauge.read_text("utf-8"), "copy.csv")
    first, second = imported(connection, gauge, copy)
    assert (first.read, first.stored, second.stored, second.already) == (14_482, 14_482, 0, 14_482)
    assert {kind for (kind,) in rows(connection, "kind")} == {"value"}
    [third] = imported(connection, gauge, again=True)
    assert third.stored == 14_482


def test_missing_readings_are_readings(connection: sqlite.Connection) -> None:
    imported(connection, series_file("dev_pv_inverter_inserted.csv"))
    [(missing,)] = connection.execute("SELECT count(*) FROM data_trace WHERE data_value = ''").fetchall()
    assert missing == 1_149


def test_equal_rows_of_one_file_are_all_stored(connection: sqlite.Connection, tmp_path: Path) -> None:
    file = written(tmp_path, HEADER + "p,v,int,1,2026-01-01T00:00:00Z,OK,\n" * 3)
    assert imported(connection, file)[0].stored == 3


def test_a_span_that_comes_again_with_its_end_replaces_the_one_without(
    connection: sqlite.Connection, tmp_path: Path
) -> None:
    running = {name: value for name, value in SPAN.items() if name != "endTimeUnixNano"}
    imported(connection, written(tmp_path, export(running), "a"), written(tmp_path, export(SPAN), "b"))
    assert rows(connection, "id, trace_id, duration_ns") == [(2, "a" * 32, 4)]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (export(SPAN) + "\n" + export(SPAN)[:40], 2, "is not complete JSON"),
        (export(SPAN) + "\n[1, 2]", 2, "holds no traces of "),
        ('{\n "resourceSpans": [\n', 3, "is not complete JSON"),
        ("{" * 100_000, 1, "is not complete JSON"),
        ("[" * 200_000 + "]" * 200_000, 1, "nested too deeply"),
        ("Process,Data,Timestamp\n", 1, "has no column Data Type, Data Value, Status, Exception"),
        ("just some text", 1, "has no column Process"),
    ],
)
def test_a_broken_file_is_refused_with_its_line_and_leaves_nothing(
    connection: sqlite.Connection, tmp_path: Path, text: str, line: int, says: str
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(FileRefused, match=f"line {line} ") as refusal:
        imported(connection, file)
    assert str(file) in refusal.value.message
    assert says in refusal.value.message
    assert refusal.value.hint
    assert rows(connection) == []


def test_a_missing_file_a_directory_and_an_empty_file_are_refused(
    connection: sqlite.Connection, tmp_path: Path
) -> None:
    for path, says in (
        (tmp_path / "none.json", "does not exist"),
        (tmp_path, "is a directory"),
        (written(tmp_path, ""), "is empty"),
    ):
        with pytest.raises(FileRefused, match=says):
            imported(connection, path)


def test_spans_without_usable_ids_are_refused_and_the_rest_is_stored(
    connection: sqlite.Connection, tmp_path: Path
) -> None:
    bad: list[object] = [{**SPAN, "traceId": "0" * 32}, {**SPAN, "spanId": "xyz"}, {**SPAN, "traceId": None}, 7]
    [done] = imported(connection, written(tmp_path, export(*bad, SPAN)))
    assert (done.read, done.stored, len(done.refused)) == (5, 1, 4)
    assert "without a usable id" in done.refused[0].why


def test_hostile_spans_are_stored_as_they_are(connection: sqlite.Connection, tmp_path: Path) -> None:
    odd: tuple[dict[str, object], ...] = (
        {"name": ""},
        {"name": "x" * 25_000},
        {"name": "\ud800 half \u0000"},
        {"startTimeUnixNano": 1},
        {"endTimeUnixNano": "1"},
        {"attributes": [{"key": "n", "value": {"intValue": "9" * 30}}, {"key": "d", "value": {}}, 5]},
        {"status": {"code": "STATUS_CODE_ERROR", "message": "late"}},
        {"events": "none", "links": [{}], "unknownField": {"a": [1]}},
    )
    spans = [{**SPAN, "spanId": f"{number:016x}", **item} for number, item in enumerate(odd, 1)]
    [done] = imported(connection, written(tmp_path, export(*spans)))
    assert (done.stored, done.refused) == (len(spans), ())
    result = rows(connection, "data, timestamp, duration_ns, status, exception")
    assert result[2][0] == "\ufffd half \0"
    assert result[4][2] == -4
    assert result[6][3:] == ("ERROR", "late")


@pytest.mark.parametrize("order", [("spans", "records"), ("records", "spans")])
def test_an_exception_that_came_as_a_log_record_is_the_failed_call_s(
    connection: sqlite.Connection, tmp_path: Path, order: tuple[str, str]
) -> None:
    given = {"exception.type": "KeyError", "exception.message": "'x'", "exception.stacktrace": "Traceback …"}
    record = {
        "traceId": SPAN["traceId"],
        "spanId": SPAN["spanId"],
        "timeUnixNano": "8",
        "severityNumber": 17,
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in given.items()],
    }
    files = {
        "spans": export({**SPAN, "status": {"code": 2, "message": ""}}),
        "records": json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}),
    }
    imported(connection, *(written(tmp_path, files[name], name) for name in order))
    imported(connection, *(written(tmp_path, files[name], name) for name in order))
    assert sorted(rows(connection, "kind, exception, exception_stack, timestamp")) == [
        ("call", "KeyError: 'x'", "Traceback …", 5),
        ("log", "KeyError: 'x'", "Traceback …", 8),
    ]
