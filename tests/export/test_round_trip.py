"""Export, then import, gives the same rows, whatever they hold, in every format; what a format can't carry is said."""

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obs_core.export import csv, jaeger, otlp
from obs_core.ingest.files import import_file
from obs_core.ingest.formats import detect
from obs_core.model import Row
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.store import log
from tests.support.data import DATA, series_file, trace_file
from tests.support.hostile import ROWS

RECORDED = {
    "otel-demo": [trace_file("otel-demo", "traces_only.jsonl"), trace_file("otel-demo", "logs_only.jsonl")],
    "flaskr": [trace_file("flaskr-otel", "flaskr_traces.jsonl")],
    "trainticket from Jaeger": [trace_file("trainticket-1min", "jaeger.json")],
    "spans CSV": [trace_file("otel-demo", "spans.csv")],
    "metrics": [trace_file("otlp-spec", "metrics.json"), trace_file("otlp-spec", "logs.json")],
    "Zipkin": sorted((DATA / "traces" / "zipkin").glob("*.gz")),
    "ddtrace": sorted((DATA / "traces" / "ddtrace").glob("*.gz")),
    "Jaeger's names": [DATA / "traces" / "jaeger-ui" / "tableValuesTestTrace" / "testTrace.json.gz"],
    "series": [series_file("dev_pecos_simple.csv"), series_file("dev_pv_inverter_inserted.csv")],
}


def back(text: str) -> list[Row]:
    result = list(detect.rows(io.BytesIO(text.encode()), "export"))
    assert all(isinstance(part, Row) for part in result), result
    return [part for part in result if isinstance(part, Row)]


def comparable(rows: Iterable[Row]) -> list[str]:
    """The rows in one order, their JSON without the spaces and escapes that two writers may set differently."""
    return sorted(repr(row._replace(attributes=same_json(row.attributes), code_id=None, run_id=None)) for row in rows)


def same_json(text: str | None) -> str | None:
    try:
        return json.dumps(json.loads(text)) if text else text
    except ValueError:
        return text


def as_csv_has_it(row: Row) -> Row:
    """CSV has one kind of nothing: an empty text is none, but for the Data Value of a value, or next to a Data Type."""
    nothing: dict[str, Any] = {name: None for name, cell in row._asdict().items() if cell == ""}
    nothing |= {name: "" for name in ("process", "data") if name in nothing}
    if row.kind == "value" or row.data_type:
        nothing["data_value"] = row.data_value or ""
    return row._replace(**nothing)


def stored(path: Path, files: Iterable[Path]) -> list[Row]:
    connection = log.open_log(path)
    for file in files:
        import_file(connection, file, now=0)
    connection.close()
    with Engine(path) as engine:
        return [row for piece in export.pieces(engine, export.ALWAYS) for row in piece]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROWS, max_size=4))
def test_otlp_gives_any_rows_back(rows: list[Row]) -> None:
    assert comparable(back("".join(otlp.lines(rows)) or '{"resourceSpans": []}')) == comparable(rows)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROWS, max_size=4))
def test_jaeger_gives_any_rows_back_that_belong_to_an_exported_call(rows: list[Row]) -> None:
    called = {row.trace_id for row in rows if row.kind == "call" and row.trace_id and row.span_id}
    carried = [row for row in rows if row.trace_id in called]
    left_out: list[int] = []
    text = "".join(jaeger.chunks(rows, left_out=left_out.append))
    assert comparable(back(text)) == comparable(carried)
    assert sum(left_out) == len(rows) - len(carried)


@pytest.mark.parametrize("raw", [False, True])
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(ROWS, max_size=4))
def test_csv_gives_any_rows_back_but_for_empty_texts(rows: list[Row], *, raw: bool) -> None:
    assert comparable(back("".join(csv.lines(rows, raw=raw)))) == comparable(map(as_csv_has_it, rows))


@pytest.mark.parametrize("name", RECORDED)
def test_recordings_come_back_through_otlp_and_csv_as_they_were(tmp_path: Path, name: str) -> None:
    rows = stored(tmp_path / "a.db", RECORDED[name])
    for number, text in enumerate(("".join(otlp.lines(rows)), "".join(csv.lines(rows)))):
        file = tmp_path / f"export-{number}"
        file.write_text(text, "utf-8", newline="")
        assert comparable(stored(tmp_path / f"{number}.db", [file])) == comparable(rows)


@pytest.mark.parametrize("name", [name for name in RECORDED if name not in ("metrics", "series")])
def test_recorded_traces_come_back_through_jaeger_as_they_were(tmp_path: Path, name: str) -> None:
    rows = stored(tmp_path / "a.db", RECORDED[name])
    called = {row.trace_id for row in rows if row.kind == "call"}
    file = tmp_path / "export.json"
    file.write_text("".join(jaeger.chunks(rows)), "utf-8")
    assert comparable(stored(tmp_path / "b.db", [file])) == comparable(row for row in rows if row.trace_id in called)


@pytest.mark.parametrize("levels", [10, 14, 15, 16, 300, 5_000])
def test_attributes_of_any_depth_come_back(levels: int) -> None:
    text = '{"attributes": ' + '{"a": [' * levels + "1" + "]}" * levels + "}"
    row = Row("call", "p", "x", 5, "g", trace_id="a" * 32, span_id="b" * 16, attributes=text)
    for lines in (otlp.lines, csv.lines, jaeger.chunks):
        [result] = back("".join(lines([row])))
        assert (result.attributes or "").replace(" ", "") == text.replace(" ", "")


def test_captured_rows_come_back_with_what_they_returned_and_used() -> None:
    call = Row(
        "call", "feed", "price", 1_767_225_600_123_456_789, data_type="float", data_value="1.5", trace_id="a" * 32,
        span_id="b" * 16, function="m.price", duration_ns=1_234_567, memory_delta=-4_096, code_id=3, run_id=7,
    )  # fmt: skip
    value = Row("value", "feed", "EURUSD", 1_767_225_600_123_456_790, None, "float", "1.08", trace_id="a" * 32)
    failed = call._replace(
        span_id="c" * 16,
        status="ERROR",
        exception="KeyError: 'x'",
        exception_stack="Traceback …",
        data_type=None,
        data_value=None,
    )
    empty = call._replace(span_id="d" * 16, data_type="str", data_value="")
    rows = [call, value._replace(parent_span_id="b" * 16), failed, empty]
    for lines in (otlp.lines, csv.lines, jaeger.chunks):
        assert comparable(back("".join(lines(rows)))) == comparable(rows)
