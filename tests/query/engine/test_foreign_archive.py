"""Logs that other programs made give the same answers from their archive as from themselves, and are never written."""

import hashlib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pandas.testing import assert_frame_equal

from obs_core.archive import pruner, verification
from obs_core.archive.background import is_due
from obs_core.archive.limits import Keep
from obs_core.archive.manifest import Manifest, folder_of
from obs_core.clock import DAY, SECOND, Window
from obs_core.query.engine import archive_planner, dataframes, planner
from obs_core.query.engine.archive_reader import ArchiveReader
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.sql_file import names, sql_file
from obs_core.query.engine.sqlite_reader import SqliteReader
from obs_core.query.engine.worker_pool import Pool
from obs_core.query.questions import overview
from obs_core.store import sqlite
from tests.query.engine.test_archive import GIVEN
from tests.support.archives import mixed, pieces, seal
from tests.support.table import START_NS

SEVEN = '"Process", "Data", "Data Type", "Data Value", "Timestamp", "Status", "Exception"'
TABLES = {
    "the seed's table": f"CREATE TABLE data_trace ({SEVEN})",
    "with a key": f"CREATE TABLE data_trace (id INTEGER PRIMARY KEY, {SEVEN}, kind, trace_id, span_id, parent_id,"
    ' "group", function, duration_ms REAL)',
    "without row ids": f"CREATE TABLE data_trace (id INTEGER PRIMARY KEY, {SEVEN}, trace_id) WITHOUT ROWID",
}
MORE = ("kind", "trace_id", "span_id", "parent_id", "group", "function", "duration_ms")
ROWS = 500


def cells(number: int) -> dict[str, Any]:
    """A row of all sorts of cells: times in four formats or none, numbers as data, blobs, kinds that are missing."""
    [row] = mixed(1, first=number)
    time_ns = row.timestamp
    seconds = time_ns // SECOND
    times = (time_ns, time_ns // 1_000_000, float(seconds), f"{seconds}.25", None if number % 50 == 0 else "soon")
    return {
        "Process": row.process, "Data": (row.data, number / 3, b"raw")[number % 3], "Data Type": row.data_type,
        "Data Value": row.data_value if number % 4 else number, "Timestamp": times[number % 5 if number % 25 else 4],
        "Status": ("failed", "ok", "", None, "ERROR")[number % 5], "Exception": row.exception,
        "kind": row.kind if number % 3 else None, "trace_id": row.trace_id, "span_id": row.span_id,
        "parent_id": row.parent_span_id, "group": row.process_group, "function": row.function,
        "duration_ms": None if row.duration_ns is None else row.duration_ns / 1e6,
    }  # fmt: skip


def written(path: Path, table: str, numbers: range) -> None:
    with closing(sqlite.connect(path, write=True, create=True)) as connection:
        if numbers.start == 0:
            connection.execute(TABLES[table])
        has = [name for _, name, *_ in connection.execute("PRAGMA table_info(data_trace)")]
        with sqlite.transaction(connection):
            for number in numbers:
                row = {"id": 3 * number + 1, **cells(number)}
                marks = ", ".join("?" for _ in has)
                connection.execute(f"INSERT INTO data_trace VALUES ({marks})", [row[name] for name in has])


@pytest.fixture(params=TABLES)
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of another program with 500 rows, of which the newest 40 came after sealing."""
    monkeypatch.setenv("OBS_ARCHIVE", "all")
    log = tmp_path / "other.db"
    written(log, request.param, range(ROWS - 40))
    before = hashlib.sha256(log.read_bytes()).digest()
    seal(log, "--everything", "--batch-rows", "90")
    assert hashlib.sha256(log.read_bytes()).digest() == before
    written(log, request.param, range(ROWS - 40, ROWS))
    return log


WINDOWS = (Window(0, 2**63 - 1), Window(START_NS + DAY // 3, START_NS + 2 * DAY))


def test_every_question_has_the_same_answer(path: Path, pool: Pool) -> None:
    reader = SqliteReader(path, limit_s=20)
    archive, shape = ArchiveReader(path, reader), reader.shape()
    compared = 0
    for name in names():
        file = sql_file(name)
        if file.reach != "analytical":
            continue
        for window in WINDOWS:
            parameters = {text: GIVEN.get(text) for text in file.parameters} | {"group": None}
            view = archive.view(window)
            assert view is not None
            assert view.files("rows")
            plans = [planner.plan(file, shape, window, parameters, share=0.0, limit=None)]
            tails: tuple[planner.Tail, ...] = ("sqlite_query", "sqlite_query in hex")
            for tail in tails:
                plan = archive_planner.archived(file, shape, window, parameters, view, tail=tail, limit=None)
                plans += [plan] if plan else []
            requests = [{"log": str(path), "statement": one.statement, "parameters": one.parameters} for one in plans]
            expected, *answers = [dataframes.from_arrow(pool.answer(request)) for request in requests]
            for answer in answers:
                assert_frame_equal(answer, expected, check_exact=False, rtol=1e-12, obj=f"{name} {window}")
                compared += 1
    assert compared > 60
    archive.close()
    reader.close()


def test_questions_read_the_archive_and_what_is_missing_is_null(path: Path, pool: Pool) -> None:
    with Engine(path, pool=pool) as engine, Engine(path, pool=pool, archive=False) as log:
        answer, expected = (overview.processes(one, WINDOWS[0]) for one in (engine, log))
        assert (answer.attrs["way"], expected.attrs["way"]) == ("archive", "sqlite_query")
        assert_frame_equal(answer, expected)
    rows = pieces(path)
    assert {row["memory_delta"] for row in rows} | {row["caller"] for row in rows} == {None}
    assert not pieces(path, "r_rows")


def test_it_is_verified_sealed_further_and_never_pruned(path: Path) -> None:
    assert verification.problems(path) == []
    assert not is_due(path, 100, forward_rows=10)
    assert is_due(path, 100, forward_rows=10, others=True)
    before = hashlib.sha256(path.read_bytes()).digest()
    assert list(pruner.steps(path, Keep(rows_ns=1, max_bytes=1, newest=0), 2**62, 0.0)) == []
    seal(path)
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert verification.problems(path) == []
    with Manifest(folder_of(path)) as manifest:
        sealed = manifest.sealed()
    assert sealed is not None
    assert sealed.pruned_id == 0


def test_rows_without_a_key_are_not_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBS_ARCHIVE", "all")
    log = tmp_path / "view.db"
    with closing(sqlite.connect(log, write=True, create=True)) as connection:
        connection.execute(f"CREATE TABLE kept ({SEVEN})")
        connection.execute("CREATE VIEW data_trace AS SELECT * FROM kept")
    [line] = seal(log, code=2)
    assert "no key" in line["error"]
    assert not is_due(log, 0, forward_rows=1, others=True)
