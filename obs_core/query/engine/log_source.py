"""A log file as the source of an engine: narrow queries with sqlite3, analytical ones in a DuckDB worker."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from obs_core.clock import MAX_NS, Window
from obs_core.errors import ObsError
from obs_core.issues import Issue
from obs_core.query.engine import planner
from obs_core.query.engine.access_paths import AccessPaths
from obs_core.query.engine.failure_rollups import RolledFailures
from obs_core.query.engine.source import Dialect
from obs_core.query.engine.sql_file import SqlFile
from obs_core.query.engine.sqlite_reader import Rows, SqliteReader
from obs_core.query.engine.worker_pool import Pool, QueryFailed, WorkerDied
from obs_core.store.foreign import Shape


class LogSource:
    """The rows of one log file, and of its archive."""

    dialect: Dialect = "sqlite"

    def __init__(self, log: Path, pool: Pool, *, limit_s: float, mirror: bool, archive: bool) -> None:
        """The log at `log`, which need not exist yet; the workers of `pool` answer analytical queries."""
        self.address = str(log.absolute())
        self._pool = pool
        self._reader = SqliteReader(log, limit_s=limit_s)
        self._paths = AccessPaths(log, self._reader, pool, mirror=mirror, archive=archive)
        self._extent: tuple[tuple[int, ...], Window | None] | None = None
        self._bad_text: tuple[tuple[int, ...], Window] | None = None

    def version(self) -> tuple[int, ...]:
        """Numbers that change whenever the log does (about 0.05 ms)."""
        return self._reader.version()

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

    def narrow(
        self,
        file: SqlFile,
        where_sql: str,
        parameters: Mapping[str, Any],
        *,
        limit: int | None = None,
        limit_s: float | None = None,
        cut: bool = False,
    ) -> tuple[Rows, planner.Way]:
        """The answer of SQLite; see `NarrowQueries.answer`."""
        rows = self._paths.narrow.answer(file, where_sql, parameters, limit=limit, limit_s=limit_s, cut=cut)
        return rows, "lookup"

    def analyse(
        self, file: SqlFile, window: Window, parameters: Mapping[str, Any], *, limit: int | None, exact: bool
    ) -> tuple[pa.Table, planner.Way]:
        """A worker's answer and its access path."""
        version = self._reader.version()
        repaired = self._has_bad_text(version[:2], window)
        try:
            return self._paths.answer(
                file, window, parameters, limit=limit, repaired=repaired, exact=exact, version=version
            )
        except WorkerDied:
            # It may have been killed, or have failed on a text; a new worker gets the query in the safer form.
            return self._paths.answer(file, window, parameters, limit=limit, repaired=True, exact=exact)
        except QueryFailed:
            # One cell that is not UTF-8 fails the query; the slower access path replaces its invalid bytes.
            self._bad_text = version[:2], window
            return self._paths.answer(file, window, parameters, limit=limit, repaired=True, exact=exact)

    def mirrored(self, file: SqlFile, window: Window, parameters: Mapping[str, Any], limit: int) -> pa.Table | None:
        """The answer from a worker's mirror; None if the mirror can't answer it now."""
        try:
            version = self._reader.version()
            plan = planner.mirrored(file, self._reader.shape(), window, parameters, limit=limit)
            return self._paths.from_mirror(plan, version)
        except ObsError:  # the caller falls back to another query, which raises it
            return None

    def failures(
        self, window: Window, group: str | None, origin_ns: int, step_ns: int, *, only: Issue | None
    ) -> RolledFailures | None:
        """The issues of the failed calls in whole hours from the archive's rollup; None if it has none."""
        native = self._reader.shape().native
        return self._paths.failures(window, group, origin_ns, step_ns, only=only) if native else None

    def is_pruned(self, window: Window) -> bool:
        """Whether rows of the window may have left the log."""
        return self._paths.narrow.is_pruned(window)

    def bytes_beyond(self, row_bytes: int) -> int:
        """The bytes of the log's files beyond `row_bytes` for each of its rows."""
        return self._paths.bytes_beyond(row_bytes)

    def warm(self) -> None:
        """Start a worker."""
        self._pool.warm()

    def close(self) -> None:
        """Close all connections."""
        self._reader.close()
        self._paths.close()

    def _has_bad_text(self, identity: tuple[int, ...], window: Window) -> bool:
        """Whether `window` overlaps the one in which text that is not UTF-8 was last read."""
        if self._bad_text is None or self._bad_text[0] != identity:
            return False
        bad = self._bad_text[1]
        return window.from_ns < bad.to_ns and bad.from_ns < window.to_ns
