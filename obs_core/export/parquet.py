"""Rows as Apache Parquet: the columns of the CSV with their types; times keep their nanoseconds.

Missing cells are null, where CSV has an empty cell, and no cell is escaped: spreadsheets do not run a Parquet file's
texts. Source: Apache Parquet, LogicalTypes.md "TIMESTAMP" (unit NANOS, adjusted to UTC).
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from obs_core.export.csv import OTHERS
from obs_core.export.export_format import ExportFormat
from obs_core.model import CANONICAL, Row
from obs_core.version import VERSION

GROUP: Final = 32_768  # rows of a row group, which is in memory: some 30 MB

_COLUMN_OF: Final = {**CANONICAL, **{name: name for name in OTHERS}, "duration_ms": "duration_ns"}
_COLUMN_OF["timestamp_ns"] = "timestamp"
_INDEX_OF: Final = {name: Row._fields.index(column) for name, column in _COLUMN_OF.items()}


class _Sink(io.RawIOBase):
    """Holds written bytes until they are taken, so that the file streams without a disk."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Only where the stream is, which pyarrow asks for."""
        if (offset, whence) != (0, io.SEEK_CUR):
            raise io.UnsupportedOperation
        return self._position

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        chunk = bytes(data)
        self._held.append(chunk)
        self._position += len(chunk)
        return len(chunk)

    def take(self) -> bytes:
        """The bytes written since the last call."""
        taken = b"".join(self._held)
        self._held.clear()
        return taken


def chunks(rows: Iterable[Row], *, group: int = GROUP) -> Iterator[bytes]:
    """The file, a row group at a time. If `rows` fails, the file has no footer, and no reader takes it for whole."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s that other formats need not pay
    from pyarrow import parquet  # noqa: PLC0415

    schema = pa.schema([(name, _type(pa, name)) for name in _COLUMN_OF], metadata={"obs_core.version": VERSION})
    sink, remaining = _Sink(), iter(rows)
    writer = parquet.ParquetWriter(sink, schema, compression="zstd")
    while batch := list(islice(remaining, group)):
        arrays = [pa.array(cells, field.type) for cells, field in zip(_columns(batch), schema, strict=True)]
        writer.write_table(pa.table(arrays, schema=schema))
        yield sink.take()
    writer.close()
    yield sink.take()


def _type(pyarrow: Any, name: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    if name == "Timestamp":
        return pyarrow.timestamp("ns", "UTC")
    if name == "duration_ms":
        return pyarrow.float64()
    return pyarrow.int64() if name in ("timestamp_ns", "memory_delta") else pyarrow.string()


def _columns(batch: Sequence[Row]) -> Iterator[Sequence[Any]]:
    by_column = list(zip(*batch, strict=True))
    for name, index in _INDEX_OF.items():
        cells = by_column[index]
        # Whole numbers divide exactly to the nearest float: milliseconds give back their nanoseconds up to 52 days.
        yield [None if ns is None else ns / 1_000_000 for ns in cells] if name == "duration_ms" else cells


FORMAT: Final = ExportFormat(
    name="parquet",
    label="Parquet",
    suffix="parquet",
    media_type="application/vnd.apache.parquet",
    write=lambda rows, _: chunks(rows),
    offered_for="rows",
    is_text=False,
)
