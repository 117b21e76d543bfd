"""Reading a log in order: long cells are cut, and a row that can't be read is skipped and reported."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from obs_core.model import Row
from obs_core.store import foreign, long_cells, sqlite, tail
from tests.support import table

HASHED = '{"events": "' + "x" * long_cells.LARGEST + '", "obs.value.hash": "00ff"}'


def value(text: str, **fields: str | None) -> Row:
    return Row("value", "p", "x", table.START_NS, data_type="str", data_value=text, **fields)  # type: ignore[arg-type]


def read(log: Path) -> tuple[list[tail.TailRow], list[tuple[int, str]]]:
    skipped: list[tuple[int, str]] = []
    with closing(sqlite.connect(log)) as connection:
        shape = foreign.shape(connection, log)
        newest = tail.newest_id(connection, shape)
        return list(tail.stream(connection, shape, 0, newest, lambda *row: skipped.append(row))), skipped


def test_long_cells_are_cut_and_equal_only_if_they_are_equal(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    long = "é" * long_cells.LARGEST
    whole = "y" * long_cells.LARGEST
    table.store(log, [value(text) for text in (long + "1", long + "2", long + "1", whole, "short")])
    texts = [str(row.data_value) for row in read(log)[0]]
    assert texts[0] == texts[2] != texts[1]
    assert texts[3:] == [whole, "short"]
    assert len(texts[0]) < 5_000
    assert texts[0].startswith("éé")
    assert "131,073 bytes" in texts[0]


def test_rows_with_short_cells_are_the_same_beside_a_long_one(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    rows = [value("1", exception="E: x"), value("é"), value("2", attributes='{"a": 1}')]
    table.store(log, rows)
    alone = read(log)[0]
    table.store(log, [value("x" * 200_000)])
    assert read(log)[0][:3] == alone


@pytest.mark.parametrize("name", ["process", "data", "exception", "function", "process_group"])
def test_any_long_text_is_cut(tmp_path: Path, name: str) -> None:
    log = tmp_path / "trace.db"
    table.store(log, [value("1")._replace(**{name: "n" * 1_000_000})])  # type: ignore[arg-type]
    ((row,), _) = read(log)
    assert len(getattr(row, name)) < 5_000


def test_of_long_attributes_the_hash_of_the_value_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    table.store(log, [value("1…", attributes=HASHED), value("1…", attributes="x" * 100_000)])
    assert [row.attributes for row in read(log)[0]] == ['{"obs.value.hash": "00ff"}', None]


def test_the_readings_of_a_series_with_a_long_name_are_found(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    table.store(log, [value(text)._replace(data="n" * 100_000) for text in "123"])
    with closing(sqlite.connect(log)) as connection:
        rows = list(tail.stream(connection, foreign.NATIVE, 0, 3))
        again = tail.values_from(connection, foreign.NATIVE, [(rows[0].process, rows[0].data)], 0, 3)
    assert again == rows


def test_a_row_that_can_not_be_read_is_skipped_and_reported(tmp_path: Path) -> None:
    log = tmp_path / "other.db"
    with closing(sqlite3.connect(log)) as other:
        other.execute("CREATE TABLE old (n)")
        other.executemany("INSERT INTO old VALUES (?)", [(number,) for number in range(1_200)])
        other.execute(
            "CREATE VIEW data_trace AS SELECT rowid AS id, 'p' AS process, 'x' AS data, 'int' AS data_type,"
            " iif(n % 500 = 7, json_extract('{' || n, '$.a'), n) AS data_value, 0 AS timestamp, 'OK' AS status,"
            " NULL AS exception FROM old"
        )
        other.commit()
    rows, skipped = read(log)
    assert [int(str(row.data_value)) for row in rows] == [number for number in range(1_200) if number % 500 != 7]
    assert [row_id for row_id, _ in skipped] == [8, 508, 1008]
    assert "malformed JSON" in skipped[0][1]


def test_an_error_of_the_file_is_raised(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    table.store(log, [value("1")])
    with closing(sqlite.connect(log)) as connection, closing(sqlite3.connect(log)) as other:
        other.execute("DROP TABLE data_trace")
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            list(tail.stream(connection, foreign.NATIVE, 0, 1))
