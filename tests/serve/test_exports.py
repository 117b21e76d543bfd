"""Rows as files, asked of the routes in this process."""

import asyncio
import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import streamlit as st
from pyarrow import parquet
from starlette.applications import Starlette

from obs_core.clock import Window, iso_text
from obs_core.export import csv as written
from obs_core.model import CANONICAL, Row
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.row_filter import RowFilter
from obs_core.serve import exports
from obs_core.serve.routes import routes
from obs_core.ui.explorer import filter_link
from obs_core.ui.explorer.export_menu import rows_link
from obs_core.ui.shell import answers
from obs_core.ui.shell.scope import PageScope
from tests.support import table

HOSTILE = (
    "=1+1",
    "+cmd",
    "-2+3",
    "@SUM(A1)",
    "a,b",
    'say "x"',
    "two\nlines",
    "nul\0byte",
    "\u202efdp",
    "x" * 25_000,
    "'=1",
)
SHOP = """
    seconds  process  process_group  data    kind   trace_id  span_id  parent_span_id  duration_ms  status  exception
    0        web      shop           serve   call   t1        s1       -               100          OK      -
    1        web      shop           load    call   t1        s2       s1              60           ERROR   OSError:disk
    2        web      shop           price   value  t1        -        s2              -            OK      -
    3        worker   back           refill  call   t2        s1       -               5            OK      -
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the server looks for its log."""
    path = tmp_path / "trace.db"
    monkeypatch.setenv("OBS_LOG", str(path))
    yield path
    answers.close()
    st.cache_resource.clear()


def got(path: str, **parameters: str) -> httpx.Response:
    """The answer of the routes."""

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get(path, params=parameters or None)

    return asyncio.run(asked())


def whole(**parameters: str) -> list[dict[str, str]]:
    """The rows of a CSV over the whole log."""
    answer = got("/export/rows.csv", **({"from": "first", "to": "last"} | parameters))
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8"), newline="")))


def test_a_csv_read_again_is_the_rows_of_the_log(path: Path) -> None:
    rows = [
        *table.rows(SHOP),
        *(Row("value", text[:99], text, table.START_NS + 9, data_value=text) for text in HOSTILE),
    ]
    table.store(path, rows)
    with closing(sqlite3.connect(path)) as bare:
        expected = bare.execute(
            "SELECT process, data, data_type, data_value, timestamp, status, exception, trace_id, span_id"
            " FROM data_trace ORDER BY timestamp, id"
        ).fetchall()
    rows_read = whole(raw="1")
    assert list(rows_read[0])[:7] == list(CANONICAL)
    columns = (
        "Process",
        "Data",
        "Data Type",
        "Data Value",
        "timestamp_ns",
        "Status",
        "Exception",
        "trace_id",
        "span_id",
    )
    cells = [tuple(row[column] for column in columns) for row in rows_read]
    assert cells == [tuple("" if cell is None else str(cell) for cell in row) for row in expected]
    assert [row["Timestamp"] for row in rows_read] == [iso_text(row[4]) for row in expected]


def test_formulas_are_defused_unless_raw_is_asked_for(path: Path) -> None:
    table.store(path, [Row("value", "web", text, table.START_NS) for text in ("=1+1", "-5", "@x")])
    assert [row["Data"] for row in whole()] == ["'=1+1", "-5", "'@x"]
    assert [row["Data"] for row in whole(raw="1")] == ["=1+1", "-5", "@x"]


def test_the_file_has_the_rows_that_match_the_filter(path: Path) -> None:
    table.store(path, table.rows(SHOP))
    assert [row["Data"] for row in whole(group="shop", t_kind="call")] == ["serve", "load"]
    assert [row["Data"] for row in whole(t_q="DISK")] == ["load"]
    assert [row["Data"] for row in whole(t_min="50", t_max="70")] == ["load"]
    assert [row["Data"] for row in whole(t_where="x exists")] == []
    scope = PageScope(
        Window(table.START_NS, table.START_NS + 4_000_000_000), "shop", live=False, from_text="", to_text=""
    )
    link = rows_link(written.FORMAT, scope, RowFilter(status="OK", min_ms=0.5), raw=False)
    assert [row["Data"] for row in csv.DictReader(io.StringIO(got(link).text))] == ["serve"]


def test_the_file_has_a_descriptive_name_and_is_not_cached(path: Path) -> None:
    table.store(path, table.rows(SHOP))
    answer = got("/export/rows.csv", **{"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z"})
    assert answer.headers["content-disposition"] == 'attachment; filename="rows_20260101T000000Z_20260101T010000Z.csv"'
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"from": "yesterday"}, "is not a time"),
        ({"from": "now", "to": "now-1h"}, "The end is not after the start."),
        ({"t_status": "BAD"}, "t_status is ignored"),
        ({"t_min": "x"}, "is not a duration"),
        ({"t_where": "a ="}, "not a valid condition"),
        ({"t_q": "x" * 2_000}, "the maximum is"),
    ],
)
def test_an_invalid_request_is_refused_before_the_file_starts(
    path: Path, parameters: dict[str, str], said: str
) -> None:
    table.store(path, table.rows(SHOP))
    answer = got("/export/rows.csv", **parameters)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert answer.json()["hint"]


def test_a_missing_log_is_reported(path: Path) -> None:
    answer = got("/export/rows.csv")
    assert answer.status_code == 404
    assert str(path) in answer.json()["error"]


def test_a_file_that_is_cut_says_so_in_its_last_line(path: Path) -> None:
    table.store(path, [Row("value", "web", f"v{number}", table.START_NS + number) for number in range(50)])
    with Engine(path) as engine:
        pieces = export.pieces(engine, export.ALWAYS, size=20)

        def rows() -> Iterator[Row]:
            for at, piece in enumerate(pieces):
                yield from piece
                if at == 1:
                    path.rename(path.with_suffix(".away"))

        text = b"".join(written.FORMAT.parts(rows())).decode()
    *lines, last = csv.reader(io.StringIO(text))
    assert len(lines) == 41
    assert last[0].startswith("ERROR: this file is not complete.")


def long_log(path: Path) -> list[str]:
    """A log of more rows than are written in this process; their values, by time."""
    values = [f"{HOSTILE[number % 9]}{number}" for number in range(25_000)]
    table.store(
        path, [Row("value", "web", "v", table.START_NS + at, data_value=text) for at, text in enumerate(values)]
    )
    return values


def test_a_child_process_writes_a_long_file_of_the_matching_rows(path: Path) -> None:
    values = long_log(path)
    assert [row["Data Value"] for row in whole(raw="1")] == values
    assert [row["Data Value"] for row in whole(raw="1", t_q="NUL\0byte")] == [v for v in values if v[:3] == "nul"]
    assert whole(t_q="nowhere") == []


def test_rows_are_a_parquet_file_short_or_from_the_child_process(path: Path) -> None:
    table.store(path, table.rows(SHOP))
    answer = got("/export/rows.parquet", **{"from": "first", "to": "last"})
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.headers["content-disposition"].endswith('.parquet"')
    assert parquet.read_metadata(io.BytesIO(answer.content)).num_rows == 4
    long_log(path)
    whole_log = got("/export/rows.parquet", **{"from": "first", "to": "last"}).content
    assert parquet.read_metadata(io.BytesIO(whole_log)).num_rows == 25_004


def test_rows_in_a_format_of_traces_or_of_none_are_not_there(path: Path) -> None:
    table.store(path, table.rows(SHOP))
    for name in ("otlp", "xlsx"):
        answer = got(f"/export/rows.{name}")
        assert (answer.status_code, answer.json()["hint"]) == (404, "Use csv or parquet.")


def test_one_trace_is_a_file_in_either_form(path: Path) -> None:
    table.store(path, table.rows(SHOP))
    jaeger = got("/export/trace/jaeger", trace="t1")
    assert [span["spanID"] for span in jaeger.json()["data"][0]["spans"]] == ["s1", "s2"]
    assert jaeger.headers["content-disposition"] == 'attachment; filename="trace_t1.jaeger.json"'
    otlp = got("/export/trace/otlp", trace="t1")
    kinds = [next(iter(json.loads(line))) for line in otlp.text.splitlines()]
    assert kinds[0] in ("resourceSpans", "resourceLogs")
    assert otlp.headers["content-disposition"] == 'attachment; filename="trace_t1.otlp.jsonl"'


def test_a_missing_trace_or_format_is_reported(path: Path) -> None:
    table.store(path, table.rows(SHOP))
    assert got("/export/trace/otlp", trace="' OR 1=1").status_code == 404
    assert got("/export/trace/otlp").status_code == 404
    assert "is not an export format" in got("/export/trace/zipkin", trace="t1").json()["error"]
    assert 'filename="trace_' in got("/export/trace/jaeger", trace="t1").headers["content-disposition"]


def test_every_parameter_of_a_link_narrows_the_file_as_it_narrows_the_page(path: Path) -> None:
    table.store(path, table.rows(SHOP))
    for key, part in filter_link.LINK_FIELDS.items():
        value = "1.5" if part.type is float else "true" if part.type is bool else (*part.choices, "n > 1")[0]
        asked = exports.export_request({key: value, "from": "first", "to": "last", "group": "shop"})
        assert asked.row_filter == filter_link.from_link({key: value}) == RowFilter(**{part.name: part.type(value)})
        assert (asked.group, asked.raw) == ("shop", False)


def test_a_long_text_is_downloaded_whole(path: Path) -> None:
    text = "é" * (1 << 20) + "end"
    call = Row("call", "web", "load", table.START_NS, data_value=text, attributes='{"a": 1}')
    table.store(path, [call])
    answer = got("/export/cell", id="1", column="data_value")
    assert (answer.status_code, answer.text) == (200, text)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="row_1_data_value.txt"'
    assert got("/export/cell", id="1", column="attributes").text == '{"a": 1}'
    assert got("/export/cell", id="1", column="exception").status_code == 404
    assert got("/export/cell", id="2", column="data_value").status_code == 404
    for odd in ({"id": "1", "column": "process"}, {"id": "x", "column": "data_value"}, {}):
        assert got("/export/cell", **odd).status_code == 400
