"""Runs queries on one log: narrow ones with sqlite3 in this process, analytical ones in a DuckDB worker.

A server or command has one engine. It is safe to use from several threads.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
from pandas import DataFrame

from obs_core.clock import MAX_NS, Window
from obs_core.errors import ObsError
from obs_core.model import ROW_CAP
from obs_core.query.engine import dataframes, planner
from obs_core.query.engine.access_paths import AccessPaths
from obs_core.query.engine.failure_rollups import RolledFailures
from obs_core.query.engine.sql_file import SqlFile, sql_file
from obs_core.query.engine.sqlite_reader import SqliteReader
from obs_core.query.engine.worker_pool import Pool, QueryFailed, WorkerDied
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
    ) -> None:
        """An engine for the log at `log`, which need not exist yet.

        A query may run for `limit_s` and wait 5 s for a worker; its answer has at most `row_cap` rows (None: all).
        `pool` are workers shared with other engines; its owner closes it. With `mirror`, workers keep a copy of the
        log's columns in memory, for a client that asks repeatedly. With `archive`, an archive of the log is used.
        """
        self.log = log
        self.row_cap, self.limit_s = row_cap, limit_s
        self.has_mirror = mirror
        self._reader = SqliteReader(log, limit_s=limit_s)
        self._pool = pool or Pool(workers, memory_mb=memory_mb, limit_s=limit_s)
        self._pool_is_shared = pool is not None
        self._paths = AccessPaths(log, self._reader, self._pool, mirror=mirror, archive=archive)
        self._extent: tuple[tuple[int, ...], Window | None] | None = None
        self._bad_text: tuple[tuple[int, ...], Window] | None = None

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
        names, rows = self._paths.narrow.answer(
            file, where_sql, _plain(parameters), limit=limit, limit_s=limit_s, cut=True
        )
        return self._capped(dataframes.from_rows(names, rows, file.returns), "lookup", start, cap)

    def tuples(
        self, query_name: str, parameters: Mapping[str, object], *, where_sql: str = "1"
    ) -> list[tuple[Any, ...]]:
        """All rows of the answer to a narrow query, with the cells as they are in the log; for exports.

        Raises:
            ObsError: as `lookup`.
        """
        return self._paths.narrow.answer(sql_file(query_name), where_sql, _plain(parameters))[1]

    def bytes_beyond(self, row_bytes: int) -> int:
        """The bytes of the log's files beyond `row_bytes` for each of its rows."""
        return self._paths.bytes_beyond(row_bytes)

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
        version, values = self._reader.version(), _plain(parameters)
        repaired = self._has_bad_text(version[:2], window)
        try:
            table, way = self._ask_worker(file, window, values, version=version, repaired=repaired, exact=exact)
        except WorkerDied:
            # It may have been killed, or have failed on a text; a new worker gets the query in the safer form.
            table, way = self._ask_worker(file, window, values, repaired=True, exact=exact)
        except QueryFailed:
            # One cell that is not UTF-8 fails the query; the slower access path replaces its invalid bytes.
            self._bad_text = version[:2], window
            table, way = self._ask_worker(file, window, values, repaired=True, exact=exact)
        answer = self._capped(dataframes.from_arrow(table), way, start, self.row_cap)
        answer.attrs["approximate"] = way == "rollup" and file.has_sketches
        return answer

    def mirrored(self, query_name: str, window: Window, parameters: Mapping[str, object]) -> DataFrame | None:
        """The answer to an analytical query from a worker's mirror; None if the mirror can't answer it now."""
        start = time.perf_counter()
        try:
            version = self._reader.version()
            plan = planner.mirrored(
                sql_file(query_name), self._reader.shape(), window, _plain(parameters), limit=ROW_CAP + 1
            )
            table = self._paths.from_mirror(plan, version)
        except ObsError:  # the caller falls back to another query, which raises it
            return None
        return None if table is None else self._capped(dataframes.from_arrow(table), "mirror", start, ROW_CAP)

    def failures(self, window: Window, group: str | None, origin_ns: int, step_ns: int) -> RolledFailures | None:
        """The issues of the failed calls in whole hours of `window` from the archive's rollup; None if it has none.

        Slices of `step_ns`, whole hours, start at `origin_ns`.
        """
        return self._paths.failures(window, group, origin_ns, step_ns) if self._reader.shape().native else None

    def is_pruned(self, window: Window) -> bool:
        """Whether rows of the window may have left the log; narrow queries then read the archive too."""
        return self._paths.narrow.is_pruned(window)

    def shape(self) -> Shape:
        """The log's columns and relations, and what it lacks."""
        return self._reader.shape()

    def extent(self) -> Window | None:
        """From the log's first row to just after its last; None while it has no row with a time."""
        version = self._reader.version()
        if self._extent and self._extent[0] == version:
            return self._extent[1]
        shape = self._reader.shape()
        ends = f"SELECT min(timestamp), max(timestamp) FROM {shape.rows}"
        if shape.native:  # SQLite uses the index for both ends only if each is a query of its own
            ends = f"SELECT (SELECT min(timestamp) FROM {shape.rows}), (SELECT max(timestamp) FROM {shape.rows})"
        _, [(first, last)] = self._reader.answer(ends, {})
        extent = Window(first, min(last + 1, MAX_NS)) if first is not None else None
        if extent and shape.native and (pruned := self._paths.pruned_extent()):
            extent = Window(min(extent.from_ns, pruned.from_ns), max(extent.to_ns, pruned.to_ns))
        self._extent = (version, extent)
        return extent

    def version(self) -> tuple[int, ...]:
        """Numbers that change whenever the log does; cheap (about 0.05 ms)."""
        return self._reader.version()

    def warm(self) -> None:
        """Start a worker, so that the first query need not wait for it."""
        self._pool.warm()

    def close(self) -> None:
        """Close all connections and stop the workers."""
        self._reader.close()
        self._paths.close()
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

    def _ask_worker(
        self,
        file: SqlFile,
        window: Window,
        parameters: Mapping[str, object],
        *,
        repaired: bool,
        exact: bool,
        version: tuple[int, ...] | None = None,
    ) -> tuple[pa.Table, planner.Way]:
        """A worker's answer and its access path."""
        limit = None if self.row_cap is None else self.row_cap + 1
        return self._paths.answer(
            file, window, parameters, limit=limit, repaired=repaired, exact=exact, version=version
        )

    def _has_bad_text(self, identity: tuple[int, ...], window: Window) -> bool:
        """Whether `window` overlaps the one in which text that is not UTF-8 was last read."""
        if self._bad_text is None or self._bad_text[0] != identity:
            return False
        bad = self._bad_text[1]
        return window.from_ns < bad.to_ns and bad.from_ns < window.to_ns

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
