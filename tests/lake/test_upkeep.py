"""One host keeps the shared lake small: files are merged, old days deleted, and traces indexed."""

import re
from pathlib import Path

from obs_core.clock import DAY, now_ns
from obs_core.lake.upkeep import LOCK
from obs_core.model import Row
from obs_core.store import log as store
from obs_core.store import sqlite
from tests.support.archives import append, logged, mixed, statement
from tests.support.lakes import Shared, finish

NIGHT = 1_767_225_600 * 10**9  # 2026-01-01


def spread(days: int, traces_per_day: int) -> list[Row]:
    """Traces of two calls, evenly over some days; their ids are hashes, as random as those of programs."""
    rows = []
    for number in range(days * traces_per_day):
        time_ns = NIGHT + number * DAY // traces_per_day
        trace_id = f"{hash((number, 'trace')) % 2**64:032x}"
        rows += [Row("call", "p", "d", time_ns + n, trace_id=trace_id, span_id=f"{number}.{n}") for n in range(2)]
    return rows


def files_read(shared: Shared, query: str) -> int:
    """How many files DuckDB opened for `query`, as EXPLAIN ANALYZE says."""
    ((_, plan),) = shared.rows(f"EXPLAIN ANALYZE {query}")
    return sum(int(count) for count in re.findall(r"Total Files Read: (\d+)", plan))


def test_small_files_are_merged_while_a_writer_writes(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(2_000, step_ns=10**9))
    writer = shared.start("obs_core.lake.sealer", str(log), "--batch-rows", "50")
    assert writer.stdout
    writer.stdout.readline()
    merged = [shared.upkeep()["files of rows merged"] for _ in range(3)]
    finish(writer)
    merged.append(shared.upkeep()["files of rows merged"])
    assert sum(merged) >= 40
    assert shared.counts() == (2_000, 2_000, 2_000)
    assert shared.written() == logged(log, 2_000)
    assert shared.rows("SELECT count(*) FROM ducklake_list_files('lake', 'rows')") == [(1,)]
    shared.upkeep()
    assert shared.files() == shared.named_files()


def test_deleted_rows_stay_deleted_when_their_files_are_merged(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(300, step_ns=10**9))
    shared.write(log, "--batch-rows", "100")
    statement(log, "DELETE FROM data_trace WHERE id IN (5, 150)")
    statement(log, "INSERT INTO superseded VALUES (5), (150)")
    shared.write(log)
    shared.upkeep()
    assert shared.written() == logged(log, 300)
    assert shared.rows("SELECT count(*) FROM ducklake_list_files('lake', 'rows')") == [(1,)]


def test_a_trace_is_read_from_few_files(shared: Shared, tmp_path: Path) -> None:
    rows = spread(days=2, traces_per_day=400)
    log = append(tmp_path / "x.db", rows)
    shared.write(log)
    assert shared.upkeep()["rows indexed"] == 1_600
    assert shared.rows("SELECT count(*) FROM ducklake_list_files('lake', 'trace_index')") == [(32,)]
    wanted = rows[500]
    lookup = f"SELECT day, writer, first_ns, last_ns, rows FROM lake.trace_index WHERE trace_id = '{wanted.trace_id}'"
    day = wanted.timestamp // DAY
    assert shared.rows(lookup) == [(day, 1, wanted.timestamp, wanted.timestamp + 1, 2)]
    assert 1 <= files_read(shared, lookup) <= 2  # the statistics of a file may rule it out
    trace = f"SELECT * FROM lake.rows WHERE day = {day} AND writer = 1 AND trace_id = '{wanted.trace_id}'"
    assert len(shared.rows(trace)) == 2
    assert files_read(shared, trace) == 1


def test_rows_are_indexed_once(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", spread(days=1, traces_per_day=20))
    shared.write(log)
    shared.upkeep()
    append(log, [row._replace(span_id=f"{row.span_id}+") for row in spread(days=1, traces_per_day=10)])
    shared.write(log)
    assert shared.upkeep()["rows indexed"] == 20
    assert "rows indexed" not in shared.upkeep()
    assert shared.rows("SELECT sum(rows), count(DISTINCT trace_id) FROM lake.trace_index") == [(60, 20)]


def test_days_that_are_too_old_are_deleted(shared: Shared, tmp_path: Path) -> None:
    today = now_ns() // DAY
    rows = [Row("call", "p", f"{age}", (today - age) * DAY + 5, trace_id=f"t{age}") for age in (40, 31, 30, 2, 0)]
    log = append(tmp_path / "x.db", rows)
    shared.write(log)
    done = shared.upkeep(OBS_KEEP_STORE="30d")
    assert {name for name in done if name.startswith("rows of day")} == {
        f"rows of day {today - age} deleted" for age in (40, 31)
    }
    assert [row["data"] for row in shared.written()] == ["30", "2", "0"]
    assert shared.rows("SELECT trace_id FROM lake.trace_index ORDER BY 1") == [("t0",), ("t2",), ("t30",)]
    for _ in range(2):  # the first one forgets the snapshots that have them
        shared.upkeep()
    assert shared.files() == shared.named_files()
    assert shared.write(log)[0]["rows"] == 0  # rows that were deleted are not written again


def test_only_one_host_does_the_upkeep(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(20))
    shared.write(log)
    with shared.lake() as other:
        other.execute("BEGIN TRANSACTION")
        other.rows(f"SELECT * FROM postgres_query('catalog', 'SELECT pg_try_advisory_xact_lock({LOCK})')")
        assert shared.upkeep() == {"another host does the upkeep": 0}
        other.execute("ROLLBACK")
    assert shared.upkeep()["rows indexed"] == 20


def test_files_of_processes_that_run_are_not_deleted(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(60))
    shared.write(log)
    name = "ducklake-019c0000-0000-7000-8000-000000000000.parquet"
    with shared.lake() as lake:
        lake.execute(f"COPY (SELECT 1 AS a) TO '{lake.address.data}/main/rows/writer=1/{name}'")
        started = 0x019C00000000 * 10**6
        lake.in_catalog(f"INSERT INTO obs_writing VALUES ('x', 1, {started}, {now_ns()})")
    shared.upkeep("--grace-s=3600")
    assert name in shared.files()
    shared.upkeep()  # as if it had been silent for long
    assert name not in shared.files()
    assert shared.written() == logged(log, 60)


def test_a_log_is_read_as_before_after_upkeep(shared: Shared, tmp_path: Path) -> None:
    log = append(tmp_path / "x.db", mixed(50))
    shared.write(log)
    shared.upkeep()
    connection = store.open_log(log)
    with sqlite.transaction(connection):
        store.append(connection, mixed(50, first=50))
    connection.close()
    shared.write(log)
    shared.upkeep()
    assert shared.written() == logged(log, 100)
