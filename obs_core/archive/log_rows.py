"""DuckDB's SQL for rows of a log, read by SQLite itself, and for the same rows in pieces of an archive."""

from collections.abc import Container, Sequence
from typing import NamedTuple

from obs_core import scanner
from obs_core.store.foreign import INTEGER_COLUMNS, NATIVE, Shape


class Rows(NamedTuple):
    """Rows to read: those of the log for which `where` is true, or, if there are `files`, those in these pieces.

    `where` has a `?` for each of the `parameters`.
    """

    where: str
    parameters: tuple[int, ...]
    files: Sequence[str] = ()

    def selected(self, columns: Sequence[str], shape: Shape, *, repaired: bool) -> str:
        """DuckDB's SQL for these columns, typed; fails on text of the log that is not UTF-8 unless it is `repaired`."""
        if not self.files:
            return selected(columns, self.where, self.parameters, shape, repaired=repaired)
        where = self.where
        for number in self.parameters:
            where = where.replace("?", f"({number})", 1)
        names = ", ".join("'" + name.replace("'", "''") + "'" for name in self.files)
        quoted = ", ".join(f'"{name}"' for name in columns)
        return f"SELECT {quoted} FROM read_parquet([{names}]) WHERE {where}"


def is_encoding(error: Exception) -> bool:
    """Whether DuckDB failed because text is not UTF-8: the same is then read `repaired`."""
    return any(part in str(error).lower() for part in ("unicode", "utf8", "utf-8"))


def selected(
    columns: Sequence[str], where: str, parameters: Sequence[int], shape: Shape = NATIVE, *, repaired: bool,
    table: str = "", integers: Container[str] = INTEGER_COLUMNS,
) -> str:  # fmt: skip
    """DuckDB's SQL for these columns of a table of the log (by default: its rows), typed.

    `integers` are those that are not text. It fails on text that is not UTF-8 unless it is `repaired`.
    """
    inner = ", ".join(
        f'{scanner.MARKED.format(cell=f"{chr(34)}{name}{chr(34)}")} AS "{name}"'
        if repaired and name not in integers
        else f'"{name}"'
        for name in columns
    )
    outer = ", ".join(
        f'{f"{chr(34)}{name}{chr(34)}::BIGINT" if name in integers else _text(name, repaired=repaired)} AS "{name}"'
        for name in columns
    )
    timed = "" if shape.native else " AND timestamp IS NOT NULL"  # a row without a time is in no window
    source = f"SELECT {inner} FROM {table or shape.rows} WHERE {where}{timed}"
    return f"SELECT {outer} FROM {query(source, parameters)}"


def _text(column: str, *, repaired: bool) -> str:
    """The text that `sqlite_query` returns, checked or repaired."""
    cell = f'"{column}"::VARCHAR'
    # DuckDB checks only some cells by itself, and a Parquet file with invalid UTF-8 can never be read again.
    return scanner.UNMARKED.format(cell=cell) if repaired else f"decode(encode({cell}))"


def query(statement: str, parameters: Sequence[int]) -> str:
    """The table function that runs `statement` inside SQLite."""
    quoted = statement.replace("'", "''")
    bound = ", ".join(f"({number})::BIGINT" for number in parameters)
    return f"sqlite_query('log', '{quoted}'{f', params := row({bound})' if bound else ''})"
