"""Runs narrow queries: on the log alone, or, where rows have left it, on the log and the archive together."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

import pyarrow as pa

from obs_core.clock import Window
from obs_core.errors import ArchiveDamaged
from obs_core.query.engine import archive_statement, archived_rows, long_cells
from obs_core.query.engine.archive_reader import ArchiveReader, ArchiveView
from obs_core.query.engine.archive_selection import ALWAYS, Selection, around, selection
from obs_core.query.engine.sql_file import SqlFile
from obs_core.query.engine.sqlite_reader import Rows, SqliteReader

_PARENTS: Final = "WHERE trace_id IN (SELECT trace_id FROM page)"
"""How a statement looks for the children of its rows."""


class NarrowQueries:
    """The narrow queries on one log."""

    def __init__(self, reader: SqliteReader, archive: ArchiveReader | None) -> None:
        """Queries that `reader` answers, with the rows of `archive` that left the log."""
        self._reader, self._archive = reader, archive

    def answer(
        self,
        file: SqlFile,
        where_sql: str,
        parameters: Mapping[str, Any],
        *,
        limit: int | None = None,
        limit_s: float | None = None,
        cut: bool = False,
    ) -> Rows:
        """The names of the columns and the rows, at most `limit`; with `cut`, long cells are cut.

        Raises:
            ArchiveDamaged: rows of the answer are only in a file that can't be read.
            ObsError: as `SqliteReader.answer`.
        """
        limit_s = self._reader.limit_s if limit_s is None else limit_s
        ask = partial(self._ask, file, where_sql, parameters, limit=limit, cut=cut)
        if self._archive is None or not self._archive.exists():
            return ask(self._reader.shape().rows, limit_s=limit_s)
        needed = selection(file.name, file.statement + where_sql, parameters)
        if needed is None or not self._archive.has_pruned(needed.window):
            return ask(self._reader.shape().rows, limit_s=limit_s)
        end_s = time.monotonic() + min(limit_s, self._reader.limit_s)
        for _ in range(2):
            view = self._archive.view(ALWAYS)  # parents and children may be outside the window
            if view is None:
                break
            if not view.is_pruned:
                return ask(self._reader.shape().rows, limit_s=limit_s)
            try:
                return self._with_archive(ask, view, needed, has_parents=_PARENTS in file.statement, end_s=end_s)
            except (OSError, pa.ArrowException):
                continue  # a file was replaced, or is damaged
        message = "Rows of this answer are only in the archive, which can't be read."
        raise ArchiveDamaged(message, "Run: python -m obs_core archive verify")

    def is_pruned(self, window: Window) -> bool:
        """Whether the log may lack rows of the window, which the archive has."""
        return self._archive is not None and self._archive.has_pruned(window)

    def _with_archive(
        self, ask: Callable[..., Rows], view: ArchiveView, needed: Selection, *, has_parents: bool, end_s: float
    ) -> Rows:
        """The answer over both; if it says which rows have children, those that left the log are added."""
        prepared = partial(archived_rows.loaded, view=view, selections=[needed], end_s=end_s)
        limit_s = max(end_s - time.monotonic(), 0.001)
        rows_of_both = archive_statement.relation(view.pruned_id)
        names, rows = ask(rows_of_both, pruned_id=view.pruned_id, limit_s=limit_s, prepared=prepared)
        traces = around(dict(zip(names, row, strict=True)) for row in rows) if has_parents else None
        if traces is None:
            return names, rows
        parents = archived_rows.parents(view, traces, end_s)
        trace, span, flag = (names.index(name) for name in ("trace_id", "span_id", "has_children"))
        with_flag = (
            (*row[:flag], int(row[flag] or (row[trace], row[span]) in parents), *row[flag + 1 :]) for row in rows
        )
        return names, list(with_flag)

    def _ask(
        self,
        file: SqlFile,
        where_sql: str,
        parameters: Mapping[str, Any],
        rows: str,
        *,
        cut: bool,
        pruned_id: int | None = None,
        **options: Any,  # noqa: ANN401 - those of SqliteReader.answer
    ) -> Rows:
        """The answer of SQLite, with `rows` as the table expression of all rows."""

        def statement(wrapped: Callable[[str], str]) -> str:
            shape = replace(self._reader.shape(), rows=wrapped(rows))
            text = file.statement.replace("{where}", where_sql)
            text = text if pruned_id is None else archive_statement.over_both(text, pruned_id, wrapped)
            for name in ("rows", "calls", "values", "logs"):
                text = text.replace("{" + name + "}", shape.relation(name))
            return text

        whole = statement(lambda expression: expression)
        return self._reader.answer(whole, parameters, cut=statement(long_cells.relation) if cut else None, **options)
