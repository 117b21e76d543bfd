"""Parquet, read back by pyarrow and DuckDB, and compared with the CSV of the same rows."""

import csv as python_csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet as files

from obs_core.errors import QuestionTimedOut
from obs_core.export import csv, parquet
from obs_core.model import CANONICAL, Row
from tests.support.hostile import ROWS

ROW = Row(
    "value", "feed", "price", 1_767_225_600_123_456_789, data_type="float", data_value="=1+1", duration_ns=1_234_567
)
NUMBERS = ("timestamp_ns", "memory_delta")


def written(rows: list[Row], group: int = parquet.GROUP) -> bytes:
    return b"".join(parquet.chunks(rows, group=group))


def from_csv(rows: list[Row]) -> list[dict[str, Any]]:
    """The rows of the CSV, with numbers as numbers and no difference between an empty text and none."""
    read = list(python_csv.DictReader(io.StringIO("".join(csv.lines(rows, raw=True)), newline="")))
    for row in read:
        typed: dict[str, Any] = {name: int(row[name]) if row[name] else None for name in NUMBERS}
        typed["duration_ms"] = float(row["duration_ms"]) if row["duration_ms"] else None
        row.update(typed)
        del row["Timestamp"]
    return read


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without their Timestamp, and with empty texts for those that are null, as in CSV."""
    typed = ("duration_ms", *NUMBERS)
    return [
        {name: "" if cell is None and name not in typed else cell for name, cell in row.items() if name != "Timestamp"}
        for row in rows
    ]


@given(st.lists(ROWS, max_size=6), st.integers(1, 4))
def test_pyarrow_reads_the_rows_of_the_csv(rows: list[Row], group: int) -> None:
    table = files.read_table(io.BytesIO(written(rows, group)))
    assert plain(table.drop(["Timestamp"]).to_pylist()) == from_csv(rows)
    assert table.column("Timestamp").cast(pa.int64()).to_pylist() == [row.timestamp for row in rows]


def test_duckdb_reads_the_rows_of_the_csv(tmp_path: Path) -> None:
    rows = [ROW, ROW._replace(process="a", data_value=None, duration_ns=None, memory_delta=-5, exception='é\n,"')]
    file = tmp_path / "rows.parquet"
    file.write_bytes(written(rows))
    cursor = duckdb.sql(f"SELECT * EXCLUDE Timestamp FROM '{file}'")
    read = [dict(zip(cursor.columns, cells, strict=True)) for cells in cursor.fetchall()]
    assert plain(read) == from_csv(rows)
    [(second,)] = duckdb.sql(f"SELECT DISTINCT epoch_us(Timestamp) FROM '{file}'").fetchall()
    assert second == ROW.timestamp // 1_000


def test_times_are_timestamps_in_utc_with_their_nanoseconds() -> None:
    schema = files.read_schema(io.BytesIO(written([ROW])))
    assert schema.field("Timestamp").type == pa.timestamp("ns", "UTC")
    assert list(schema.names) == [*CANONICAL, *csv.OTHERS]
    assert files.read_table(io.BytesIO(written([ROW]))).column("Timestamp")[0].value == ROW.timestamp


def test_row_groups_are_streamed_as_they_are_full() -> None:
    taken = 0

    def rows() -> Iterator[Row]:
        nonlocal taken
        for _ in range(10):
            taken += 1
            yield ROW

    chunks = parquet.chunks(rows(), group=4)
    first = next(chunks)
    assert (taken, first[:4]) == (4, b"PAR1")
    whole = first + b"".join(chunks)
    metadata = files.read_metadata(io.BytesIO(whole))
    assert [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)] == [4, 4, 2]


def test_without_rows_the_file_has_its_columns() -> None:
    table = files.read_table(io.BytesIO(written([])))
    assert (table.num_rows, table.num_columns) == (0, 18)


def test_a_file_that_is_cut_is_not_readable() -> None:
    def rows() -> Iterator[Row]:
        yield ROW
        raise QuestionTimedOut("too long")

    chunks: list[bytes] = []
    with pytest.raises(QuestionTimedOut):
        chunks.extend(parquet.FORMAT.parts(rows()))
    with pytest.raises(pa.ArrowInvalid):
        files.read_table(io.BytesIO(b"".join(chunks)))
