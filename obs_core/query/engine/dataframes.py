"""Converts rows and Arrow tables to DataFrames. Integers stay integers, also in columns with missing values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas import DataFrame, Series


def from_rows(names: Sequence[str], rows: Sequence[tuple[object, ...]], types: dict[str, str]) -> DataFrame:
    """SQLite's rows, with the types that the SQL file declares (`types`: column → BIGINT, VARCHAR, DOUBLE …)."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    data = {name: _typed(values, types.get(name, "")) for name, values in zip(names, columns, strict=True)}
    return DataFrame(data, columns=list(names))


def from_arrow(table: pa.Table) -> DataFrame:
    """A worker's Arrow table."""
    return DataFrame({name: _column(table.column(name)) for name in table.column_names}, columns=table.column_names)


def _typed(values: Sequence[Any], kind: str) -> "Series[Any]":
    if kind == "BIGINT":
        return _integers(values)
    if kind == "DOUBLE":
        return Series([np.nan if value is None else value for value in values], dtype="float64")
    return Series(list(values), dtype="object")


def _column(column: pa.ChunkedArray) -> "Series[Any]":
    kind = column.type
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        return _integers(column.to_pylist()) if column.null_count or pa.types.is_decimal(kind) else _plain(column)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _plain(column.cast(pa.float64()))
    if pa.types.is_boolean(kind) and not column.null_count:
        return _plain(column)
    if pa.types.is_list(kind):
        return Series(column.to_pandas(), dtype="object")
    return Series(column.to_pylist(), dtype="object")


def _plain(column: pa.ChunkedArray) -> "Series[Any]":
    return Series(column.to_numpy())


def _integers(values: Sequence[Any]) -> "Series[Any]":
    """Integers: int64, or Int64 if some are missing."""
    if any(value is None for value in values):
        return Series(pd.array(list(values), dtype="Int64"))
    return Series(list(values), dtype="int64")
