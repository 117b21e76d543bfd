"""Rows and Arrow tables become DataFrames with honest types: whole numbers stay whole, also where some are missing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas import DataFrame, Series


def from_rows(names: Sequence[str], rows: Sequence[tuple[object, ...]], types: dict[str, str]) -> DataFrame:
    """The rows that SQLite gave, typed as the question declares (`types`: column → BIGINT, VARCHAR, DOUBLE …)."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    data = {name: _typed(values, types.get(name, "")) for name, values in zip(names, columns, strict=True)}
    return DataFrame(data, columns=list(names))


def from_arrow(table: pa.Table) -> DataFrame:
    """The table that a worker gave."""
    return DataFrame({name: _column(table.column(name)) for name in table.column_names}, columns=table.column_names)


def _typed(values: Sequence[Any], kind: str) -> "Series[Any]":
    if kind == "BIGINT":
        return _whole(values)
    if kind == "DOUBLE":
        return Series([np.nan if value is None else value for value in values], dtype="float64")
    return Series(list(values), dtype="object")


def _column(column: pa.ChunkedArray) -> "Series[Any]":
    kind = column.type
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        return _whole(column.to_pylist()) if column.null_count or pa.types.is_decimal(kind) else _plain(column)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _plain(column.cast(pa.float64()))
    if pa.types.is_boolean(kind) and not column.null_count:
        return _plain(column)
    if pa.types.is_list(kind):
        return Series(column.to_pandas(), dtype="object")
    return Series(column.to_pylist(), dtype="object")


def _plain(column: pa.ChunkedArray) -> "Series[Any]":
    return Series(column.to_numpy())


def _whole(values: Sequence[Any]) -> "Series[Any]":
    """Whole numbers: int64, or Int64 where some are missing."""
    if any(value is None for value in values):
        return Series(pd.array(list(values), dtype="Int64"))
    return Series(list(values), dtype="int64")
