"""Runs the SQL files: on one log, narrow ones with sqlite3 in this process, analytical ones in a DuckDB worker.

Where the rows are is the engine's source (`source`). A server or command has one engine. It is safe to use from several
threads.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.issues import Issue
from obs_core.model import ROW_CAP
from obs_core.query.engine import dataframes
from obs_core.query.engine.failure_rollups import RolledFailures
from obs_core.query.engine.log_source import LogSource
from obs_core.query.engine.source import Dialect, Source
from obs_core.query.engine.sql_file import sql_file
from obs_core.query.engine.worker_pool import Pool
from obs_core.store.foreign import Shape


class Engine:
    """Runs the SQL files on one log."""

    def __init__(
        self,
        log: Path,
        *,
        workers: int = 1,
        limit_s: float = 5.0,
        row_cap: int | None = ROW_CAP,
        memory_mb: int = 512,
        pool: Pool | None = None,
        mirror: bool = False,
        archive: bool = True,
        source: Callable[[Pool], Source] | None = None,
    ) -> None:
        """An engine for the log at `log`, which need not exist yet.

        A query may run for `limit_s` and wait 5 s for a worker; its answer has at most `row_cap` rows (None: all).
        `pool` are workers shared with other engines; its owner closes it. With `mirror`, workers keep a copy of the
        log's columns in memory, for a client that asks repeatedly. With `archive`, an archive of the log is used.
        The rows are those of `source`, if one is given: a store, which may use the engine's workers; `log` is then
        only the log that this server writes.
        """
        self.log = log
        self.row_cap, self.limit_s = row_cap, limit_s
        self._pool = pool or Pool(workers, memory_mb=memory_mb, limit_s=limit_s)
        self._pool_is_shared = pool is not None
        self.has_mirror = mirror and source is None
        self._source: Source = (
            source(self._pool)
            if source
            else LogSource(log, self._pool, limit_s=limit_s, mirror=mirror, archive=archive)
        )
        self.is_log = source is None

    def lookup(
        self,
        query_name: str,
        parameters: Mapping[str, object],
        *,
        where_sql: str = "1",
        limit_s: float | None = None,
        row_cap: int | None = None,
    ) -> DataFrame:
        """The answer to a narrow query.

        `where_sql` are the conditions of a row filter, for an SQL file with `{where}`; `limit_s` is the time that it
        may run, if less than the engine's own; `row_cap` replaces the engine's own cap, if it has one.

        Raises:
            ObsError: the log is missing, is not a trace log or can't be read, or the query ran over its limit.
        """
        start = time.perf_counter()
        file = sql_file(query_name)
        cap = None if self.row_cap is None else row_cap or self.row_cap
        limit = None if cap is None else cap + 1
        (names, rows), way = self._source.narrow(
            file, where_sql, _plain(parameters), limit=limit, limit_s=limit_s, cut=True
        )
        return self._capped(dataframes.from_rows(names, rows, file.returns), way, start, cap)

    def tuples(
        self, query_name: str, parameters: Mapping[str, object], *, where_sql: str = "1"
    ) -> list[tuple[Any, ...]]:
        """All rows of the answer to a narrow query, with the cells as they are in the log; for exports.

        Raises:
            ObsError: as `lookup`.
        """
        (_, rows), _ = self._source.narrow(sql_file(query_name), where_sql, _plain(parameters))
        return rows

    def bytes_beyond(self, row_bytes: int) -> int:
        """The bytes of the log's files beyond `row_bytes` for each of its rows."""
        return self._source.bytes_beyond(row_bytes)

    def analyse(
        self, query_name: str, window: Window, parameters: Mapping[str, object], *, exact: bool = False
    ) -> DataFrame:
        """The answer to an analytical query about the rows in `window`.

        Percentiles of a long window may be approximate (by at most 1 %, see `attrs["approximate"]`) unless `exact`.

        Raises:
            ObsError: as `lookup`; also if all workers are busy, or one failed twice.
        """
        start = time.perf_counter()
        file = sql_file(query_name)
        limit = None if self.row_cap is None else self.row_cap + 1
        table, way = self._source.analyse(file, window, _plain(parameters), limit=limit, exact=exact)
        answer = self._capped(dataframes.from_arrow(table), way, start, self.row_cap)
        answer.attrs["approximate"] = way == "rollup" and file.has_sketches
        return answer

    def mirrored(self, query_name: str, window: Window, parameters: Mapping[str, object]) -> DataFrame | None:
        """The answer to an analytical query from a worker's mirror; None if the mirror can't answer it now."""
        start = time.perf_counter()
        table = self._source.mirrored(sql_file(query_name), window, _plain(parameters), ROW_CAP + 1)
        return None if table is None else self._capped(dataframes.from_arrow(table), "mirror", start, ROW_CAP)

    def failures(
        self, window: Window, group: str | None, origin_ns: int, step_ns: int, *, only: Issue | None = None
    ) -> RolledFailures | None:
        """The issues of the failed calls in whole hours of `window` from the archive's rollup; None if it has none.

        Slices of `step_ns`, whole hours, start at `origin_ns`. With `only`, the rows of other issues are left out.
        """
        return self._source.failures(window, group, origin_ns, step_ns, only=only)

    def is_pruned(self, window: Window) -> bool:
        """Whether rows of the window may have left the log; narrow queries then read the archive too."""
        return self._source.is_pruned(window)

    def shape(self) -> Shape:
        """The log's columns and relations, and what it lacks."""
        return self._source.shape()

    def extent(self) -> Window | None:
        """From the log's first row to just after its last; None while it has no row with a time."""
        return self._source.extent()

    def version(self) -> tuple[int, ...]:
        """Numbers that change whenever the log does; cheap (about 0.05 ms)."""
        return self._source.version()

    @property
    def dialect(self) -> Dialect:
        """The language of the conditions that `lookup` and `tuples` take."""
        return self._source.dialect

    @property
    def address(self) -> str:
        """Where the rows are, as pages show it: the log's path, or the address of a store without its password."""
        return self._source.address

    def warm(self) -> None:
        """Start a worker, so that the first query need not wait for it."""
        self._source.warm()

    def close(self) -> None:
        """Close all connections and stop the workers."""
        self._source.close()
        if not self._pool_is_shared:
            self._pool.close()

    def __enter__(self) -> Self:
        """The engine itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _capped(self, frame: DataFrame, way: str, start: float, cap: int | None) -> DataFrame:
        """The first `cap` rows of `frame`; its `attrs` say whether there are more, the access path and the time."""
        truncated = cap is not None and len(frame) > cap
        if truncated:
            frame = frame.head(cap or 0).copy()
        elapsed_ms = (time.perf_counter() - start) * 1e3
        frame.attrs = {"truncated": truncated, "approximate": False, "way": way, "elapsed_ms": elapsed_ms}
        return frame


def _plain(parameters: Mapping[str, object]) -> dict[str, Any]:
    """The parameters, with numpy's numbers (from a DataFrame) as Python's."""
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in parameters.items()}
