"""Databases that are not as the newest exporter makes them, and rows that are not as expected."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from obs_core.cli.checks import storage
from obs_core.clock import Window
from obs_core.errors import NotALog, SetupBroken, TooManyRows
from obs_core.query.engine import clickhouse_source
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.opening import engine_on
from obs_core.query.engine.worker_pool import Pool
from obs_core.query.questions import functions, overview, traces
from obs_core.settings import from_environment, store_url
from tests.support import clickhouse, otlp_documents
from tests.support.table import START_NS

ALWAYS = Window(0, 2**63 - 1)
SPAN = {
    "traceId": "a" * 32,
    "spanId": "b" * 16,
    "name": "load",
    "startTimeUnixNano": str(START_NS),
    "endTimeUnixNano": str(START_NS + 1_000_000),
}


def document(*spans: Mapping[str, object]) -> dict[str, object]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


@pytest.fixture
def made(request: pytest.FixtureRequest) -> Iterator[str]:
    """A new database with the tables of the test's parameter."""
    name = clickhouse.database(getattr(request, "param", clickhouse.DDL))
    yield name
    clickhouse.drop(name)


def on(name: str, pool: Pool, tmp_path: Path, options: str = "") -> Engine:
    return engine_on(tmp_path / "own.db", f"chdb://memory/{name}{options}", pool=pool, limit_s=30)


def test_an_empty_database_has_no_rows(made: str, pool: Pool, tmp_path: Path) -> None:
    with on(made, pool, tmp_path) as engine:
        assert engine.extent() is None
        assert overview.summary(engine, ALWAYS)["calls"].tolist() == [0]
        assert len(traces.page(engine, ALWAYS)) == 0


def test_doctor_says_whether_the_store_can_be_read(made: str, tmp_path: Path) -> None:
    log = tmp_path / "own.db"
    assert list(storage.store(log, "")) == []
    assert [(one.state, one.text) for one in storage.store(log, f"chdb://memory/{made}")] == [
        ("warning", f"chdb://memory/{made} has no rows yet.")
    ]
    clickhouse.store(made, document(SPAN))
    (finding,) = storage.store(log, f"chdb://memory/{made}")
    assert (finding.state, finding.text) == (
        "ok",
        f"chdb://memory/{made} has rows up to 2026-01-01T00:00:00.000000000Z.",
    )
    (finding,) = storage.store(log, "chdb://memory/nothing_like_it")
    assert finding.state == "error"
    assert finding.hint


def test_new_rows_change_the_version(made: str, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("obs_core.query.engine.clickhouse_tables.SAME_S", 0.0)
    with on(made, pool, tmp_path) as engine:
        before = engine.version()
        assert engine.version() == before
        clickhouse.store(made, document(SPAN))
        assert engine.version() != before
        assert engine.extent() == Window(START_NS, START_NS + 1)


OLD_TRACES = re.sub(r".*Scope(Name|Version).*\n", "", clickhouse.TRACES).replace("UInt64", "Int64")
JSON_TRACES = re.sub(r".*INDEX idx_res.*\n", "", clickhouse.TRACES).replace(
    "ResourceAttributes Map(LowCardinality(String), String)", "ResourceAttributes JSON"
)


@pytest.mark.parametrize("made", [(OLD_TRACES,)], indirect=True)
def test_tables_of_an_older_exporter_without_logs_are_read(made: str, pool: Pool, tmp_path: Path) -> None:
    insert = "INSERT INTO {0}.otel_traces (Timestamp, TraceId, SpanId, SpanName, Duration, StatusCode) VALUES"
    clickhouse.client().command(
        insert.format(made) + f" (fromUnixTimestamp64Nano({START_NS}), 'a', 'b', 'load', 5, 'STATUS_CODE_ERROR')"
    )
    with on(made, pool, tmp_path) as engine:
        (row,) = traces.page(engine, ALWAYS).to_dict("records")
        assert (row["Status"], row["Process"], row["Data"]) == ("ERROR", "unknown_service", "load")
        assert any("no table otel_logs" in sentence for sentence in engine.shape().missing)
        assert len(traces.tree(engine, ALWAYS, trace_id="a")) == 1


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (("CREATE TABLE {database}.otel_traces (Timestamp DateTime64(9)) ENGINE = Memory",), "no column TraceId"),
        ((JSON_TRACES,), "attributes in JSON"),
        ((), "no table otel_traces"),
    ],
    indirect=["made"],
)
def test_tables_that_can_not_be_read_are_said(made: str, said: str, pool: Pool, tmp_path: Path) -> None:
    with on(made, pool, tmp_path) as engine, pytest.raises(NotALog) as raised:
        engine.extent()
    assert said in raised.value.message
    assert raised.value.hint


def test_a_span_that_was_sent_twice_counts_once_only_where_that_is_asked(made: str, pool: Pool, tmp_path: Path) -> None:
    for _ in range(2):
        clickhouse.store(made, document(SPAN, SPAN | {"spanId": "c" * 16}))
    counts = []
    for options in ("", "?duplicates=remove"):
        with on(made, pool, tmp_path, options) as engine:
            counts.append((int(overview.summary(engine, ALWAYS)["calls"].iloc[0]), len(traces.page(engine, ALWAYS))))
    assert counts == [(4, 4), (2, 2)]


def test_bytes_that_are_not_utf8_are_replaced(made: str, pool: Pool, tmp_path: Path) -> None:
    clickhouse.client().command(
        f"INSERT INTO {made}.otel_traces (Timestamp, TraceId, SpanId, SpanName)"
        f" VALUES (fromUnixTimestamp64Nano({START_NS}), 'a', 'b', 'lo\\xffad')"
    )
    with on(made, pool, tmp_path) as engine:
        assert traces.page(engine, ALWAYS)["Data"].tolist() == ["lo\ufffdad"]
        assert functions.list_(engine, ALWAYS)["function"].tolist() == ["lo\ufffdad"]
        assert functions.performance(engine, ALWAYS)["function"].tolist() == ["lo\ufffdad"]


def test_more_rows_than_a_worker_may_get_are_refused_and_not_cut(
    made: str, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clickhouse.store(made, otlp_documents.document(5))
    monkeypatch.setattr(clickhouse_source, "STREAMED", 20)
    with on(made, pool, tmp_path) as engine:
        with pytest.raises(TooManyRows, match="at most 20 rows"):
            functions.trends(engine, ALWAYS, names=("*",))
        narrow = Window(START_NS, START_NS + 1)
        assert len(functions.trends(engine, narrow, names=("*",))) == 0


def test_a_setting_that_is_no_store_is_refused_and_a_store_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(SetupBroken, match="unknown scheme"):
        engine_on(tmp_path / "own.db", "mysql://x/y")
    assert store_url({"OBS_STORE": "ducklake:postgres://obs@pg/obs?data=s3://bucket/obs"}) == ""  # it is only written
    settings = from_environment({"OBS_STORE": "clickhouse://obs:p4ss@ch/otel"})
    assert settings.store == "clickhouse://obs:p4ss@ch/otel"
    assert "p4ss" not in repr(settings)
