"""Questions that are answered in parts if the whole does not fit into memory: some series or functions at a time.

The statement of such a question has the condition `{part(column, …)}`. It is true for all rows; in a part it
selects rows by the hash of these columns. The answer is all parts together, sorted as the statement sorts.
"""

import re
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa

from obs_core.query.engine.sql_file import SqlFile

COUNTS: Final = (8, 64)
"""The numbers of parts that are tried, in this order."""
_ORDERS: Final = {
    "functions/changes": [("total_ms", "descending"), ("process_group", "ascending"), ("function", "ascending")],
    "values/streaks": [("process", "ascending"), ("data", "ascending")],
}
_CONDITION: Final = re.compile(r"true /\* part\((.*?)\) \*/")


def can_be_divided(file: SqlFile) -> bool:
    """Whether the question can be answered in parts."""
    return file.name in _ORDERS


def part(file: SqlFile, number: int, count: int) -> SqlFile:
    """The question about part `number` of `count`; rollups, which are small, are not used."""
    statement = _CONDITION.sub(rf"hash(\1) % {count} = {number}", file.statement)
    return replace(file, statement=statement, rollup=None)


def together(file: SqlFile, tables: list[pa.Table]) -> pa.Table:
    """The answer, from those of all parts."""
    table: Any = pa.concat_tables(tables)
    return table.sort_by(_ORDERS[file.name])
