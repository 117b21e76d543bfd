"""Exports in pieces: together they are all matching rows, in logs of ours and in foreign ones."""

import sqlite3
from pathlib import Path

import pytest

from obs_core.clock import SECOND, Window
from obs_core.errors import BadParameter
from obs_core.export import csv
from obs_core.model import Row
from obs_core.query import export
from obs_core.query.engine.engine import Engine
from obs_core.query.filters.row_filter import RowFilter, gathered
from obs_core.query.questions import traces
from obs_core.store import log as store
from tests.support import table
from tests.support.table import START_NS


def test_pieces_of_any_size_together_are_all_rows_by_time(engine: Engine) -> None:
    """
    0   feed  price  101  OK
    2   feed  price  102  ERROR
    1   feed  price  103  OK
    1   job   run    -    OK
    1   job   run    -    OK
    """
    whole = [row for piece in export.pieces(engine, export.ALWAYS) for row in piece]
    assert [(row.timestamp - START_NS) // SECOND for row in whole] == [0, 1, 1, 1, 2]
    for size in (1, 2, 3, 5, 6):
        pieces = list(export.pieces(engine, export.ALWAYS, size=size))
        assert [row for piece in pieces for row in piece] == whole
        assert all(len(piece) <= size for piece in pieces)


@pytest.mark.parametrize(
    "filters",
    [{}, {"errors": True}, {"process": "job"}, {"status": "OK"}, {"search": "PRI"}, {"kind": "value"}, {"group": "g"}],
)
def test_an_export_has_the_filters_of_a_page(engine: Engine, filters: dict[str, object]) -> None:
    """
    seconds process process_group data  data_value status kind
    0       feed    g             price 101        OK     call
    1       feed    g             price 102        ERROR  call
    2       job     -             run   -          OK     value
    3       job     -             run   -          UNSET  call
    """
    window = Window(START_NS, START_NS + 3 * SECOND)
    answer = [row for piece in export.pieces(engine, window, size=2, **gathered(filters)) for row in piece]
    page = traces.page(engine, window, sort="-time", **gathered(filters))
    assert [row.timestamp for row in answer] == page["Timestamp"].tolist()
    assert len(answer) < 4


def test_attribute_filters_also_limit_an_export(log: Path, engine: Engine) -> None:
    rows = [Row("call", "web", "x", START_NS + at, attributes=f'{{"attributes": {{"n": {at}}}}}') for at in range(9)]
    table.store(log, rows)
    for size in (1, 4, 100):
        answer = [
            row
            for piece in export.pieces(engine, export.ALWAYS, size=size, row_filter=RowFilter(where="n > 2 and n < 7"))
            for row in piece
        ]
        assert answer == rows[3:7]


def test_a_trace_is_exported_whole_and_in_order(engine: Engine) -> None:
    """
    seconds  kind   process  data  trace_id  span_id  parent_span_id
    1        call   web      b     t1        s2       s1
    0        call   web      a     t1        s1       -
    2        value  web      v     t1        -        s2
    1        call   web      c     t2        s1       -
    """
    assert [row.data for row in export.trace(engine, "t1")] == ["a", "b", "v"]
    assert export.trace(engine, "t3") == export.trace(engine, "") == []


def test_the_measured_width_is_about_the_size_of_the_lines(log: Path, engine: Engine) -> None:
    assert export.width(engine, export.ALWAYS)["bytes"].isna().all()
    rows = [Row("call", "wäb", "x" * 50, START_NS + at, data_value="1" * 30, duration_ns=5) for at in range(50)]
    table.store(log, rows)
    measured = export.width(engine, export.ALWAYS)["bytes"].iloc[0]
    real = len("".join(csv.lines(rows)).encode()) / 51
    assert measured == pytest.approx(real, rel=0.2)


def test_rows_written_during_an_export_are_not_included(log: Path, engine: Engine) -> None:
    """
    0  feed  price  101  OK
    5  feed  price  102  OK
    """
    pieces = export.pieces(engine, export.ALWAYS, size=1)
    first = next(pieces)
    table.store(log, [Row("call", "late", "x", START_NS + SECOND)])
    assert [row.process for piece in (first, *pieces) for row in piece] == ["feed", "feed"]


def test_an_empty_log_has_no_piece_with_a_row(tmp_path: Path) -> None:
    store.open_log(tmp_path / "trace.db").close()
    with Engine(tmp_path / "trace.db") as engine:
        assert [row for piece in export.pieces(engine, export.ALWAYS) for row in piece] == []


def test_a_log_of_seven_columns_is_exported_in_its_own_order(tmp_path: Path) -> None:
    path = tmp_path / "seven.db"
    connection = sqlite3.connect(path)
    connection.execute(
        'CREATE TABLE data_trace ("Process", "Data", "Data Type", "Data Value", "Timestamp", "Status", "Exception")'
    )
    rows = [
        ("feed", "price", "float", 1.5, "2026-01-01T00:00:02", "OK", None),
        ("feed", "load", None, None, "2026-01-01T00:00:01", "ERROR", "ValueError: x"),
        (None, "price", "float", "x", "2026-01-01T00:00:00", "odd", None),
        ("feed", "price", "float", "y", "some day", "OK", None),
    ]
    connection.executemany("INSERT INTO data_trace VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    with Engine(path) as engine:
        for size in (1, 2, 10):
            answer = [row for piece in export.pieces(engine, export.ALWAYS, size=size) for row in piece]
            assert [(row.kind, row.process, row.data_value, row.status) for row in answer] == [
                ("value", "feed", "1.5", "OK"),
                ("call", "feed", None, "ERROR"),
                ("value", "", "x", "UNSET"),
            ]


def test_an_invalid_filter_is_an_error_before_anything_is_read(engine: Engine) -> None:
    """
    0  feed  price  101  OK
    """
    with pytest.raises(BadParameter):
        next(export.pieces(engine, export.ALWAYS, row_filter=RowFilter(kind="odd")))


def test_the_first_and_the_last_nanosecond_of_a_log_are_exported(tmp_path: Path) -> None:
    path = tmp_path / "trace.db"
    store.open_log(path).close()
    table.store(path, [Row("call", "p", "x", time_ns) for time_ns in (-(2**63), 0, 2**63 - 2)])
    with Engine(path) as engine:
        assert len([row for piece in export.pieces(engine, export.ALWAYS, size=1) for row in piece]) == 3
