"""Narrow queries: replaced, locked and broken files, and queries that take too long."""

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from obs_core.errors import BadParameter, LogMissing, LogUnreadable, NotALog, QuestionTimedOut
from obs_core.query.engine.engine import Engine
from obs_core.query.engine.sqlite_reader import SqliteReader
from obs_core.store import sqlite
from tests.support import table

FOREVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
COUNT = "SELECT count(*) FROM data_trace"


def test_an_endless_query_is_stopped_at_its_time_limit_and_the_next_one_answers(log: Path) -> None:
    """
    0 feed price 101 OK
    """
    reader = SqliteReader(log, limit_s=0.3)
    with pytest.raises(QuestionTimedOut, match=r"longer than 0\.3 s"):
        reader.answer(FOREVER, {})
    assert reader.answer(COUNT, {}) == (["count(*)"], [(1,)])
    reader.close()


def test_a_missing_log_is_an_error_until_it_exists(tmp_path: Path) -> None:
    reader = SqliteReader(tmp_path / "later.db", limit_s=5)
    with pytest.raises(LogMissing, match="No trace log at"):
        reader.answer(COUNT, {})
    with pytest.raises(LogMissing):
        reader.version()
    table.store(tmp_path / "later.db", table.rows("0 feed price 101 OK"))
    assert reader.answer(COUNT, {})[1] == [(1,)]
    reader.close()


def test_a_replaced_log_is_read_again(log: Path, tmp_path: Path) -> None:
    """
    0 feed price 101 OK
    """
    reader = SqliteReader(log, limit_s=5)
    before = reader.version()
    assert reader.answer(COUNT, {})[1] == [(1,)]
    table.store(tmp_path / "new.db", table.rows("0 feed price 1 OK\n1 feed price 2 OK"))
    (tmp_path / "new.db").replace(log)
    assert reader.answer(COUNT, {})[1] == [(2,)]
    assert reader.version() != before
    reader.close()


def test_the_version_changes_with_every_commit_and_only_then(log: Path) -> None:
    """
    0 feed price 101 OK
    """
    reader = SqliteReader(log, limit_s=5)
    first = reader.version()
    assert reader.version() == first
    table.store(log, table.rows("1 feed price 102 OK"))
    second = reader.version()
    assert second != first
    assert reader.version() == second
    reader.close()


def test_a_log_locked_by_another_program_is_an_error_within_the_time_limit(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    table.store(path, table.rows("0 feed price 101 OK"))
    holder = sqlite.connect(path, write=True)
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    reader = SqliteReader(path, limit_s=0.2)
    with pytest.raises(LogUnreadable, match="locked by another program"):
        reader.answer(COUNT, {})
    holder.execute("ROLLBACK")
    assert reader.answer(COUNT, {})[1] == [(1,)]
    holder.close()
    reader.close()


@pytest.mark.parametrize("content", [b"", b"these are notes, not rows. " * 200])
def test_a_file_that_is_not_a_log_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(content)
    reader = SqliteReader(path, limit_s=5)
    with pytest.raises(NotALog, match=r"is not a SQLite database|has no table data_trace"):
        reader.shape()
    reader.close()


def test_many_threads_share_one_reader(log: Path) -> None:
    """
    0 feed price 101 OK
    """
    reader = SqliteReader(log, limit_s=5)
    result: list[object] = []
    threads = [
        threading.Thread(target=lambda: result.extend(reader.answer(COUNT, {})[1] for _ in range(50))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert result == [[(1,)]] * 400
    reader.close()


@pytest.mark.parametrize("value", [2**63, "\udcff"])
def test_a_parameter_that_sqlite_can_not_store_is_an_error(log: Path, value: object) -> None:
    """
    0 feed price 101 OK
    """
    reader = SqliteReader(log, limit_s=5)
    with pytest.raises(BadParameter, match="A parameter is"):
        reader.answer("SELECT :value", {"value": value})
    reader.close()


def test_a_numpy_number_is_a_valid_parameter(log: Path) -> None:
    """
    seconds process data data_value status trace_id span_id
    0 feed price 101 OK aa bb
    """
    with Engine(log) as engine:
        answer = engine.lookup("traces/tree", {"trace_id": np.str_("aa"), "longest": np.int64(100)})
    assert len(answer) == 1


def test_an_endless_view_is_stopped_while_its_columns_are_read(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "hostile.db")
    connection.execute(
        "CREATE VIEW data_trace AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i AS id, 0 AS Process, 0 AS Data, 0 AS data_type, 0 AS data_value, 0 AS timestamp, 0 AS status,"
        " 0 AS exception FROM n WHERE i < 0"
    )
    connection.close()
    reader = SqliteReader(tmp_path / "hostile.db", limit_s=0.3)
    with pytest.raises(QuestionTimedOut):
        reader.shape()
    reader.close()


def test_the_version_of_a_locked_log_fails_soon_so_that_requests_do_not_queue(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    table.store(path, table.rows("0 feed price 101 OK"))
    holder = sqlite.connect(path, write=True)
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    reader = SqliteReader(path, limit_s=60)
    with pytest.raises(LogUnreadable, match="locked by another program"):
        reader.version()
    holder.execute("ROLLBACK")
    holder.close()
    reader.close()


def test_a_reopened_log_never_has_an_earlier_version(log: Path) -> None:
    """
    0 feed price 101 OK
    """
    reader = SqliteReader(log, limit_s=5)
    first = reader.version()
    reader.close()
    assert reader.version() != first
    reader.close()


def test_casefold_reads_text_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "bad.db"
    table.store(path, table.rows("0 feed price 101 OK"))
    writer = sqlite.connect(path, write=True)
    writer.execute("UPDATE data_trace SET data_value = CAST(x'4dc3dcff61' AS TEXT)")
    writer.close()
    reader = SqliteReader(path, limit_s=5)
    _, [(folded,)] = reader.answer("SELECT casefold(CAST(data_value AS BLOB)) FROM data_trace", {})
    assert folded == "m\ufffd\ufffd\ufffda"
    reader.close()


def test_nanoseconds_stay_exact_in_columns_with_missing_values(log: Path) -> None:
    """
    seconds process data data_value status trace_id span_id duration_ms
    0.000000001 feed price 101 OK aa bb 0.000001
    0.000000002 feed price 102 OK aa cc -
    """
    with Engine(log) as engine:
        page = engine.lookup("traces/tree", {"trace_id": "aa", "longest": 100})
    assert page["timestamp"].tolist() == [table.START_NS + 1, table.START_NS + 2]
    assert page["duration_ns"].dtype.name == "Int64"
    assert page["duration_ns"].tolist()[0] == 1
