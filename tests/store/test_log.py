"""The log: its schema, its keys, and what happens when other programs use the file."""

import sqlite3
import threading
from pathlib import Path

import pytest

from obs_core.errors import LogUnreadable, NotALog, SchemaTooNew
from obs_core.model import CANONICAL, Code, ProcessRun, Row
from obs_core.store import log, migrations, sqlite

CALL = Row("call", "shop", "pay", 5, trace_id="a" * 32, span_id="b" * 16, duration_ns=7)


@pytest.fixture
def connection(tmp_path: Path) -> sqlite.Connection:
    return log.open_log(tmp_path / "deep" / "er" / "trace.db")


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM data_trace").fetchone()[0])


def test_every_canonical_column_is_a_column_of_the_log(connection: sqlite.Connection) -> None:
    columns = {name for _, name, *_ in connection.execute("PRAGMA table_info(data_trace)")}
    assert set(CANONICAL.values()) <= columns
    assert set(Row._fields) | {"id"} == columns


def test_the_newest_rows_are_read_by_an_index(connection: sqlite.Connection) -> None:
    plan = connection.execute("EXPLAIN QUERY PLAN SELECT * FROM data_trace ORDER BY timestamp DESC LIMIT 10").fetchall()
    assert "idx_trace_explorer" in plan[0][-1]


def test_one_trace_is_read_by_an_index(connection: sqlite.Connection) -> None:
    plan = connection.execute("EXPLAIN QUERY PLAN SELECT * FROM data_trace WHERE trace_id = 'x'").fetchall()
    assert "idx_trace (trace_id" in plan[0][-1]


def test_the_log_is_in_wal_mode_and_its_tables_are_strict(connection: sqlite.Connection) -> None:
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT value in INTEGER column"):
        log.append(connection, [CALL._replace(timestamp="soon")])  # type: ignore[arg-type]


def test_a_call_sent_again_changes_nothing(connection: sqlite.Connection) -> None:
    assert log.append(connection, [CALL, CALL]) == 1
    assert log.append_in_bulk(connection, [CALL._replace(data="other")]) == 0
    assert connection.execute("SELECT id, data FROM data_trace").fetchall() == [(1, "pay")]


@pytest.mark.parametrize("append", [log.append, log.append_in_bulk])
@pytest.mark.parametrize("dropped", [CALL._replace(span_id="c" * 16), Row("value", "shop", "price", 6)])
def test_a_row_that_a_trigger_drops_is_an_error_and_a_known_row_is_not(tmp_path: Path, append, dropped: Row) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    connection = log.open_log(tmp_path / "trace.db")
    fine = [CALL, Row("value", "shop", "load", 7), Row("log", "shop", "text", 8, span_id="d" * 16)]
    rows = [*fine, dropped, fine[1]]
    assert append(connection, rows) == 5
    assert append(connection, rows) == (3 if dropped.kind == "value" else 2)
    connection.execute("DELETE FROM data_trace")
    condition = "NEW.span_id = 'cccccccccccccccc' OR NEW.data = 'price'"
    connection.execute(f"CREATE TRIGGER t BEFORE INSERT ON data_trace WHEN {condition} BEGIN SELECT RAISE(IGNORE); END")
    with (
        pytest.raises(LogUnreadable, match="A trigger of the log discarded 1 of"),
        sqlite.transaction(connection),
    ):
        append(connection, rows)
    assert count(connection) == 0
    assert append(connection, fine) == 3


@pytest.mark.parametrize("append", [log.append, log.append_in_bulk])
def test_a_call_without_an_end_is_replaced_by_the_finished_call_under_a_new_id(tmp_path: Path, append) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    connection = log.open_log(tmp_path / "trace.db")
    running = CALL._replace(duration_ns=None)
    assert append(connection, [running]) == 1
    assert append(connection, [CALL]) == 1
    assert append(connection, [running]) == 0
    assert connection.execute("SELECT id, duration_ns FROM data_trace").fetchall() == [(2, 7)]
    assert connection.execute("SELECT id FROM superseded").fetchall() == [(1,)]


@pytest.mark.parametrize("append", [log.append, log.append_in_bulk])
@pytest.mark.parametrize("first", ["call", "record", "both"])
def test_a_failed_call_gets_the_exception_of_its_log_record(tmp_path: Path, append, first: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    connection = log.open_log(tmp_path / "trace.db")
    call = CALL._replace(status="ERROR")
    record = Row(
        "log", "shop", "oops", 6, status="ERROR", trace_id=CALL.trace_id, span_id="c" * 16, parent_span_id=CALL.span_id,
        exception="KeyError: 'x'", exception_stack="Traceback …",
    )  # fmt: skip
    later = record._replace(span_id="d" * 16, timestamp=7, exception="ValueError: later")
    batches = {"call": [[call], [record, later]], "record": [[later, record], [call]], "both": [[later, call, record]]}
    stored = [append(connection, batch) for batch in (*batches[first], [call, record])]
    assert (sum(stored), stored[-1]) == (3, 0)
    calls = connection.execute("SELECT exception, exception_stack, duration_ns FROM data_trace WHERE kind = 'call'")
    assert calls.fetchall() == [("KeyError: 'x'", "Traceback …", 7)]
    assert connection.execute("SELECT count(*) FROM superseded").fetchone() == (1,)
    plan = connection.execute(f"EXPLAIN QUERY PLAN {log._EXCEPTION_LOG}", ("a", "b")).fetchall()
    assert "idx_told" in plan[0][-1]


def test_only_the_failed_call_of_a_log_record_gets_its_exception_and_only_without_one_of_its_own(
    connection: sqlite.Connection,
) -> None:
    failed = CALL._replace(status="ERROR", exception="KeyError: own")
    other = CALL._replace(status="ERROR", span_id="e" * 16)
    fine = CALL._replace(span_id="f" * 16)
    record = Row("log", "shop", "oops", 6, trace_id=CALL.trace_id, exception="TypeError: logged")
    spans = [CALL.span_id, "f" * 16, None]
    log.append(connection, [failed, other, fine, *(record._replace(parent_span_id=span) for span in spans)])
    calls = connection.execute("SELECT span_id, exception FROM data_trace WHERE kind = 'call' ORDER BY span_id")
    assert calls.fetchall() == [(CALL.span_id, "KeyError: own"), ("e" * 16, None), ("f" * 16, None)]


def test_all_values_of_a_call_are_stored(connection: sqlite.Connection) -> None:
    value = Row("value", "shop", "price", 5, trace_id=CALL.trace_id, parent_span_id=CALL.span_id, data_value="1")
    assert log.append(connection, [value, value]) == 2


def test_a_metric_point_without_a_trace_is_recognized_by_its_own_id(connection: sqlite.Connection) -> None:
    point = Row("value", "shop", "load", 5, span_id="c" * 16, data_value="1")
    assert log.append(connection, [point, point, point._replace(span_id="d" * 16)]) == 2


def test_append_and_append_in_bulk_store_the_same_rows(tmp_path: Path) -> None:
    rows = [CALL._replace(span_id=f"{number:016x}", timestamp=number) for number in range(4_000)]
    logs = [log.open_log(tmp_path / name) for name in ("plain.db", "bulk.db")]
    assert log.append(logs[0], rows) == log.append_in_bulk(logs[1], rows) == len(rows)
    plain, bulk = (one.execute("SELECT * FROM data_trace ORDER BY id").fetchall() for one in logs)
    assert plain == bulk


def test_a_source_and_a_run_are_stored_once(connection: sqlite.Connection) -> None:
    code = Code("shop.pay", None, 3, "def pay(): ...", "ab12", None, 1)
    run = ProcessRun("shop", "web", 42, "host", None, None, 1)
    assert log.code_id(connection, code) == log.code_id(connection, code._replace(first_seen=9)) == 1
    assert log.code_id(connection, code._replace(source_hash="cd34")) == 2
    assert log.run_id(connection, run) == log.run_id(connection, run) == 1


def test_a_failed_transaction_leaves_nothing_behind(connection: sqlite.Connection) -> None:
    poison = CALL._replace(span_id="c" * 16, timestamp="soon")  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError), sqlite.transaction(connection):
        log.append(connection, [CALL, poison])
    assert count(connection) == 0


def test_another_kind_of_database_is_rejected_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE books (title)")
    other.close()
    with pytest.raises(NotALog, match="made by another program"):
        log.open_log(path)
    tables = sqlite.connect(path).execute("SELECT name FROM sqlite_schema").fetchall()
    assert tables == [("books",)]


def test_a_file_that_is_not_a_database_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, not rows. " * 100)
    with pytest.raises(NotALog, match="is not a SQLite database"):
        log.open_log(path)


def test_a_log_of_a_newer_version_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    first = log.open_log(path)
    first.execute("PRAGMA user_version = 999")
    first.close()
    with pytest.raises(SchemaTooNew, match="newer version"):
        log.open_log(path)


def test_a_directory_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(NotALog, match="is a directory"):
        log.open_log(tmp_path)


def test_a_parent_that_is_a_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogUnreadable, match="can't be opened"):
        log.open_log(tmp_path / "file" / "trace.db")


def test_many_threads_may_create_the_same_log_at_once(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    stored: list[int] = []

    def write(number: int) -> None:
        connection = log.open_log(path)
        with sqlite.transaction(connection):
            stored.append(log.append(connection, [CALL._replace(span_id=f"{number:016x}")]))
        connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored == [1] * 8
    assert count(sqlite.connect(path)) == 8


def test_bulk_appending_uses_few_different_statements_for_all_batch_sizes(connection: sqlite.Connection) -> None:
    made: set[int] = set()
    connection.set_trace_callback(lambda sql: made.add(sql.count("('call'")))
    numbers = iter(range(10_000))
    for length in range(130):
        batch = [CALL._replace(span_id=f"{next(numbers):016x}") for _ in range(length)]
        assert log.append_in_bulk(connection, batch) == length
    connection.set_trace_callback(None)
    assert made == {1, 2, 4, 8, 16, 32, 64, 128}
    assert count(connection) == sum(range(130))


@pytest.mark.parametrize("package", ["obs_core.store", "obs_core.alerts", "obs_core.series"])
def test_files_of_every_older_version_are_upgraded_to_the_schema_of_new_ones(tmp_path: Path, package: str) -> None:
    steps = migrations.load_migrations(package)
    schemas = set()
    for version in range(len(steps) + 1):
        path = tmp_path / f"{version}.db"
        connection = sqlite.connect(path, write=True, create=True)
        migrations.apply_migrations(connection, steps[:version])
        connection.close()
        connection = migrations.open_database(path, package)
        schemas.add(tuple(connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")))
        assert migrations.version(connection) == len(steps)
        connection.close()
    assert len(schemas) == 1
