"""Logs of other programs: how their columns are mapped, and what is reported as missing."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs_core.clock import FIRST_NS, LAST_NS
from obs_core.errors import NotALog
from obs_core.store import foreign, log, migrations, sqlite

SEVEN = "Process, Data, [Data Type], [Data Value], Timestamp, Status, Exception"
TIME_NS = 1_767_225_600_123_000_000  # 2026-01-01T00:00:00.123Z


def made(path: Path, statement: str, *rows: tuple[object, ...]) -> Path:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    for row in rows:
        connection.execute(f"INSERT INTO data_trace VALUES ({', '.join('?' * len(row))})", row)
    connection.commit()
    connection.close()
    return path


def mapped(path: Path, columns: str, relation: str = "rows") -> list[tuple[Any, ...]]:
    connection = sqlite.connect(path)
    try:
        source = foreign.shape(connection, path).relation(relation)
        return connection.execute(f"SELECT {columns} FROM {source}").fetchall()
    finally:
        connection.close()


def shape_of(path: Path) -> foreign.Shape:
    connection = sqlite.connect(path)
    try:
        return foreign.shape(connection, path)
    finally:
        connection.close()


def test_a_log_of_this_product_is_read_directly(tmp_path: Path) -> None:
    log.open_log(tmp_path / "ours.db").close()
    assert shape_of(tmp_path / "ours.db") is foreign.NATIVE


def test_the_seven_columns_are_enough_in_any_spelling(tmp_path: Path) -> None:
    path = made(
        tmp_path / "x.db",
        f"CREATE TABLE data_trace ({SEVEN})",
        ("feed", "price", "float", "1.5", "2026-01-01T00:00:00.123Z", "ok", None),
    )
    columns = "id, kind, process, data, data_type, data_value, timestamp, status, exception, trace_id, duration_ns"
    expected = (1, None, "feed", "price", "float", "1.5", TIME_NS, "OK", None, None, None)
    assert mapped(path, columns) == [expected]


def test_missing_columns_are_reported_in_sentences(tmp_path: Path) -> None:
    shape = shape_of(made(tmp_path / "x.db", f"CREATE TABLE data_trace ({SEVEN})"))
    assert not shape.native
    assert "It has no durations: there are no percentiles." in shape.missing
    assert "It has no trace_id and span_id and parent_span_id: rows are not part of a trace tree." in shape.missing


def test_a_row_counts_as_a_call_and_if_it_has_a_value_also_as_a_value(tmp_path: Path) -> None:
    rows = [("feed", "price", None, value, 0, "OK", None) for value in ("1", "", None)]
    path = made(tmp_path / "x.db", f"CREATE TABLE data_trace ({SEVEN})", *rows)
    assert [len(mapped(path, "id", relation)) for relation in ("rows", "calls", "values", "logs")] == [3, 3, 1, 0]


def test_further_columns_are_used_where_they_exist(tmp_path: Path) -> None:
    path = made(
        tmp_path / "x.db",
        f"CREATE TABLE data_trace ({SEVEN}, kind, trace_id, duration_ms REAL, [Process Group])",
        ("feed", "load", None, None, 0, "OK", None, "call", "aa", 1.5, "web"),
        ("feed", "price", None, "3", 0, "OK", None, "value", "aa", None, "web"),
    )
    assert mapped(path, "trace_id, duration_ns, process_group", "calls") == [("aa", 1_500_000, "web")]
    assert mapped(path, "data, data_value", "values") == [("price", "3")]
    assert not any("duration" in sentence or "group" in sentence for sentence in shape_of(path).missing)


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-01T00:00:00.123Z",
        "2026-01-01 00:00:00.123",
        "2026-01-01T01:00:00.123+01:00",
        "1767225600.123",
        1_767_225_600.123,
        1_767_225_600_123,
        1_767_225_600_123_000,
        1_767_225_600_123_000_000,
    ],
)
def test_a_time_is_read_in_any_format(tmp_path: Path, written: object) -> None:
    row = ("feed", "price", None, "1", written, "OK", None)
    path = made(tmp_path / "x.db", f"CREATE TABLE data_trace ({SEVEN})", row, row)
    assert [abs(ns - TIME_NS) < 500 for (ns,) in mapped(path, "timestamp")] == [True, True]


@pytest.mark.parametrize("written", ["2026-01-01 00:00:00,123", "2026-01-01T02:00:00.123+0200"])
def test_a_time_is_read_with_a_comma_and_with_a_zone_without_a_colon(tmp_path: Path, written: str) -> None:
    row = ("feed", "price", None, "1", written, "OK", None)
    path = made(tmp_path / "x.db", f"CREATE TABLE data_trace ({SEVEN})", row)
    assert mapped(path, "timestamp") == [(TIME_NS,)]


def test_the_unit_of_a_time_is_detected_per_cell(tmp_path: Path) -> None:
    rows = [
        ("feed", "price", None, "1", written, "OK", None)
        for written in (1_767_225_600, 1_767_225_600_000, "2026-01-01", 1_767_225_600_000_000_000)
    ]
    path = made(tmp_path / "x.db", f"CREATE TABLE data_trace ({SEVEN})", *rows)
    assert mapped(path, "timestamp") == [(1_767_225_600 * 10**9,)] * 4


def test_iso_times_keep_their_nanoseconds(tmp_path: Path) -> None:
    row = ("feed", "price", None, "1", "2026-01-01T00:00:00.123456789Z", "OK", None)
    path = made(tmp_path / "x.db", f"CREATE TABLE data_trace ({SEVEN})", row)
    assert mapped(path, "timestamp") == [(1_767_225_600_123_456_789,)]


@pytest.mark.parametrize("written", ["soon", "", None, b"\xff\x00", "2024-13-45"])
def test_a_time_that_can_not_be_read_is_reported_and_breaks_nothing(tmp_path: Path, written: object) -> None:
    good = ("feed", "price", None, "1", 1_767_225_600, "OK", None)
    path = made(tmp_path / "x.db", f"CREATE TABLE data_trace ({SEVEN})", good, good, (*good[:4], written, "OK", None))
    assert [ns for (ns,) in mapped(path, "timestamp")] == [1_767_225_600 * 10**9] * 2 + [None]
    assert "Some rows have a time that can't be read; they are not in any time range." in shape_of(path).missing


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("9999-12-31T23:59:59Z", LAST_NS),
        ("2262-04-11T23:47:17", LAST_NS),
        ("2262-04-11T23:47:15.5Z", 9_223_372_035_500_000_000),
        ("1677-09-21T00:12:44.5Z", -9_223_372_035_500_000_000),
        ("1677-09-21T00:12:40Z", FIRST_NS),
        ("0001-01-01", FIRST_NS),
        (2**63 - 1, LAST_NS),
        (-(2**63), FIRST_NS),
        ("9" * 30, LAST_NS),
        (1e300, LAST_NS),
        (-1e300, FIRST_NS),
        (float("inf"), LAST_NS),
        (float("-inf"), FIRST_NS),
    ],
)
def test_a_time_that_64_bits_do_not_hold_becomes_the_nearest_one(
    tmp_path: Path, written: object, expected: int
) -> None:
    row = ("feed", "price", None, "1", written, "OK", None)
    path = made(tmp_path / "x.db", f"CREATE TABLE data_trace ({SEVEN})", row)
    assert mapped(path, "timestamp, typeof(timestamp)") == [(expected, "integer")]
    assert shape_of(path).missing == shape_of(made(tmp_path / "y.db", f"CREATE TABLE data_trace ({SEVEN})")).missing


@given(
    st.one_of(
        st.none(), st.text(max_size=12), st.binary(max_size=6), st.integers(-(2**63), 2**63 - 1), st.floats(),
        st.datetimes().map(str), st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}(\.[0-9]+)?Z?", fullmatch=True),
    )
)  # fmt: skip
def test_any_cell_is_read_as_a_time_in_range_or_as_none(
    tmp_path_factory: pytest.TempPathFactory, written: object
) -> None:
    row = ("feed", "price", None, "1", written, "OK", None)
    path = made(tmp_path_factory.mktemp("any") / "x.db", f"CREATE TABLE data_trace ({SEVEN})", row)
    ((time_ns,),) = mapped(path, "timestamp")
    assert time_ns is None or (isinstance(time_ns, int) and FIRST_NS <= time_ns <= LAST_NS)


def test_a_missing_process_or_name_is_empty(tmp_path: Path) -> None:
    path = made(tmp_path / "x.db", f"CREATE TABLE data_trace ({SEVEN})", (None,) * 7)
    assert mapped(path, "process, data, timestamp, status") == [("", "", None, "UNSET")]


@pytest.mark.parametrize(("kind", "relations"), [("call", "c"), ("value", "v"), ("", "cv"), (None, "cv"), ("odd", "")])
def test_a_row_without_a_kind_counts_as_a_call_and_a_value(tmp_path: Path, kind: str | None, relations: str) -> None:
    row = ("feed", "price", "int", "1", 0, "OK", None, kind)
    path = made(tmp_path / "x.db", f"CREATE TABLE data_trace ({SEVEN}, kind)", row)
    expected = [int("c" in relations), int("v" in relations)]
    assert [len(mapped(path, "id", relation)) for relation in ("calls", "values")] == expected


@pytest.mark.parametrize(
    "change", [("process         TEXT NOT NULL", "process TEXT"), ("data_value      TEXT", "data_value ANY")]
)
def test_a_strict_table_with_other_types_is_not_a_log_of_this_product(tmp_path: Path, change: tuple[str, str]) -> None:
    (statement, *_), *_ = (step.split(";\n") for step in migrations.load_migrations("obs_core.store"))
    assert change[0] in statement
    path = made(tmp_path / "x.db", statement.replace(*change))
    assert not shape_of(path).native


def test_cells_of_the_wrong_type_become_text_or_null(tmp_path: Path) -> None:
    path = made(
        tmp_path / "x.db",
        f"CREATE TABLE data_trace ({SEVEN}, duration_ns)",
        (1, 2.5, b"\xff", 1759740801.041551, 0, "OK", None, "a while"),
    )
    cells = mapped(path, "process, data, data_value, duration_ns")
    assert cells == [("1", "2.5", "1759740801.0415511", None)]
    assert float(cells[0][2]) == 1759740801.041551


@pytest.mark.parametrize(
    ("status", "exception", "expected"),
    [("error", None, "ERROR"), ("Failed", "E", "ERROR"), ("success", None, "OK"), (None, "E: x", "ERROR"),
     ("", None, "UNSET"), ("late", None, "late")],
)  # fmt: skip
def test_common_status_texts_are_recognized(
    tmp_path: Path, status: str | None, exception: str | None, expected: str
) -> None:
    row = ("feed", "price", None, "1", 0, status, exception)
    path = made(tmp_path / "x.db", f"CREATE TABLE data_trace ({SEVEN})", row)
    assert mapped(path, "status") == [(expected,)]


@pytest.mark.parametrize(
    "statement",
    [
        (
            "CREATE TABLE data_trace (process, data, data_type, data_value, timestamp, status, exception, "
            "PRIMARY KEY (process, timestamp)) WITHOUT ROWID"
        ),
        f"CREATE TABLE data_trace (id TEXT, {SEVEN})",
    ],
)
def test_tables_without_a_numeric_id_still_have_row_ids(tmp_path: Path, statement: str) -> None:
    row: tuple[object, ...] = ("feed", "price", None, "1", 0, "OK", None)
    row = row if "WITHOUT" in statement else ("first", *row)
    assert mapped(made(tmp_path / "x.db", statement, row), "id") == [(1,)]


def test_a_number_that_does_not_fit_64_bits_counts_as_not_measured(tmp_path: Path) -> None:
    rows = [
        ("feed", "price", None, "1", 0, "OK", None, duration, memory)
        for duration, memory in ((float("inf"), 1e300), (-1.5, -(2**63)), (1e13, 2.5))
    ]
    path = made(tmp_path / "x.db", f"CREATE TABLE data_trace ({SEVEN}, duration_ms, memory_delta)", *rows)
    assert mapped(path, "duration_ns, memory_delta") == [(None, None), (-1_500_000, -(2**63)), (None, 3)]


def test_a_table_with_the_same_columns_but_without_types_is_not_a_log_of_this_product(tmp_path: Path) -> None:
    ours = log.open_log(tmp_path / "ours.db")
    ours.close()
    path = made(tmp_path / "x.db", f"CREATE TABLE data_trace ({', '.join(foreign.COLUMNS)})")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert shape_of(tmp_path / "ours.db").native
    assert not shape_of(path).native


def test_a_column_called_rowid_does_not_hide_the_real_rowid(tmp_path: Path) -> None:
    row = ("same", "feed", "price", None, "1", 0, "OK", None)
    path = made(tmp_path / "x.db", f"CREATE TABLE data_trace (rowid, {SEVEN})", row, row)
    assert mapped(path, "id") == [(1,), (2,)]


def test_a_view_can_be_read_too(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE old (who, what, v, t)")
    connection.execute("INSERT INTO old VALUES ('feed', 'price', 7, 1767225600)")
    connection.execute(
        "CREATE VIEW data_trace AS SELECT who AS Process, what AS Data, 'int' AS data_type, v AS data_value,"
        " t AS timestamp, 'OK' AS status, NULL AS exception FROM old"
    )
    connection.commit()
    connection.close()
    assert mapped(path, "id, process, data_value, timestamp") == [(1, "feed", "7", 1_767_225_600 * 10**9)]


def test_a_table_without_canonical_columns_is_rejected_with_their_names(tmp_path: Path) -> None:
    path = made(tmp_path / "x.db", "CREATE TABLE data_trace (process, data, data_type, data_value, status)")
    with pytest.raises(NotALog, match="has no column Timestamp, Exception"):
        shape_of(path)


def test_a_database_without_the_table_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(NotALog, match="has no table data_trace"):
        shape_of(made(tmp_path / "x.db", "CREATE TABLE books (title)"))
