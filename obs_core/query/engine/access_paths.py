"""Sends an analytical query to a worker by the best access path that is ready: mirror, archive, or the log itself."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from obs_core.clock import Window
from obs_core.errors import ArchiveDamaged, MemoryExceeded
from obs_core.issues import Issue
from obs_core.query.engine import archive_planner, duckdb_errors, failure_rollups, parts, planner
from obs_core.query.engine.archive_reader import ArchiveReader, ArchiveView
from obs_core.query.engine.narrow import NarrowQueries
from obs_core.query.engine.sql_file import SqlFile
from obs_core.query.engine.sqlite_reader import SqliteReader
from obs_core.query.engine.worker_pool import MirrorBehind, Pool, QueryFailed

FULL_MIRROR_ROWS: Final = 4_000_000
"""A longer log with an archive is mirrored only behind its sealed rows: a full mirror takes some 15 bytes per row."""
ROLLUP_ROWS: Final = 1_000_000
"""Rows in the pieces of a window, above which rollups answer: below, exact answers take some 200 ms."""
LONGEST_TAIL: Final = 1_000_000
"""Rows behind the sealed ones, above which the log itself is read."""

SMALL_LOG: Final = 64 << 20
"""Bytes of a log that may be scanned whatever its rows are."""
SHORT_ROW: Final = 2_000
"""Bytes per row, on average, of a log that may be scanned."""

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Request:
    """A question, and how the rows behind the archive are read: from a mirror of version `tail_at`, or SQLite."""

    file: SqlFile
    window: Window
    parameters: Mapping[str, object]
    limit: int | None
    tail_at: Version | None
    repaired: bool
    exact: bool


class AccessPaths:
    """The access paths to one log."""

    def __init__(self, log: Path, reader: SqliteReader, pool: Pool, *, mirror: bool, archive: bool) -> None:
        """Paths to `log`, which `reader` reads in this process and the workers of `pool` in theirs."""
        self._log, self._reader, self._pool = log, reader, pool
        self._has_mirror = mirror
        self._archive = ArchiveReader(log, reader) if archive else None
        self.narrow = NarrowQueries(reader, self._archive)

    def answer(
        self,
        file: SqlFile,
        window: Window,
        parameters: Mapping[str, object],
        *,
        limit: int | None,
        repaired: bool,
        exact: bool = False,
        version: Version | None = None,
    ) -> tuple[pa.Table, planner.Way]:
        """A worker's answer and its access path, in parts if it does not fit into memory otherwise; see `_whole`."""
        counts = (1, *parts.COUNTS) if parts.can_be_divided(file) else (1,)
        for count in counts:
            with suppress(*(() if count == counts[-1] else (MemoryExceeded,))):
                tables, way = [], None
                for number in range(count):
                    asked = file if count == 1 else parts.part(file, number, count)
                    table, way = self._whole(
                        asked, window, parameters, limit=limit, repaired=repaired, exact=exact, version=version
                    )
                    tables.append(table)
                assert way
                return (tables[0] if count == 1 else parts.together(file, tables)), way
        raise AssertionError

    def _whole(
        self,
        file: SqlFile,
        window: Window,
        parameters: Mapping[str, object],
        *,
        limit: int | None,
        repaired: bool,
        exact: bool = False,
        version: Version | None = None,
    ) -> tuple[pa.Table, planner.Way]:
        """A worker's answer and its access path; a mirror must have read `version` of the log (None: no mirror).

        Percentiles of a long window may come from rollups unless `exact`.

        Raises:
            QueryFailed: the log has text that is not UTF-8, and `repaired` is False.
            ObsError: another failure of the worker or the log.
        """
        shape = self._reader.shape()
        mirror_at = version if self._has_mirror and not repaired else None
        try:
            if self._archive and self._archive.exists():
                view = self._archive.view(window)
                is_long = self._rows() > FULL_MIRROR_ROWS or (view is not None and view.is_pruned)
            else:
                view, is_long = None, False
            if mirror_at and not is_long:
                plan = planner.mirrored(file, shape, window, parameters, limit)
                if (table := self.from_mirror(plan, mirror_at)) is not None:
                    return table, "mirror"
            if view:
                tail_at = mirror_at if is_long else None
                request = _Request(file, window, parameters, limit, tail_at, repaired, exact)
                if (archived := self._from_archive(request)) is not None:
                    return archived
                if view.is_pruned:
                    message = f"Rows of this window are only in {view.folder}, which can't be read."
                    raise ArchiveDamaged(message, "Run: python -m obs_core archive verify")
            share = self._share(window) if shape.native else 0.0
            plan = planner.plan(
                file, shape, window, parameters,
                share=share, limit=limit, repaired=repaired, has_short_cells=shape.native and self._has_short_cells(),
            )  # fmt: skip
            return self._pool.answer(self._request(plan)), plan.way
        except QueryFailed as error:
            if not repaired and duckdb_errors.is_bad_text(error):
                raise
            raise duckdb_errors.translate_error(error, self._log) from error

    def from_mirror(self, plan: planner.Plan | None, version: Version, after_id: int = 0) -> pa.Table | None:
        """The answer of a worker's mirror that has read `version`; None if there is none."""
        if plan is None or not self._has_mirror:
            return None
        with suppress(MirrorBehind):
            return self._pool.answer(self._request(plan) | {"mirror_at": version, "mirror_after_id": after_id})
        return None

    def failures(
        self, window: Window, group: str | None, origin_ns: int, step_ns: int, *, only: Issue | None
    ) -> failure_rollups.RolledFailures | None:
        """The issues of the whole hours of `window` that are sealed; None if the archive can't say, or need not."""
        view = self._archive.view(window) if self._archive and self._archive.exists() else None
        if self._archive is None or view is None or view.has_superseded:
            return None
        if not view.is_pruned and failure_rollups.are_few(self._reader, window):
            return None
        plan = failure_rollups.plan(view, window, group, origin_ns, step_ns, only=only)
        if plan is None:
            return None
        with suppress(QueryFailed):  # a file was replaced, or is damaged: then the rows answer
            rows = self._pool.answer({"log": str(self._log.absolute())} | plan.request).to_pylist()
            return plan.answered(rows) if self._archive.is_current(view, window) else None
        return None

    def pruned_extent(self) -> Window | None:
        """The time range of the archive, if rows were deleted from the log."""
        return self._archive.pruned_extent() if self._archive else None

    def close(self) -> None:
        """Close the archive's manifest."""
        if self._archive:
            self._archive.close()

    def _from_archive(self, request: "_Request") -> tuple[pa.Table, planner.Way] | None:
        """The answer from the archive and the newer rows; None if it can't be had there.

        If pieces are replaced or rows superseded in the meantime, it is asked again once.
        """
        assert self._archive
        answer = None
        for _ in range(2):
            view = self._archive.view(request.window)
            if view is None or (view.log_rows - view.sealed_rows > LONGEST_TAIL and not view.is_pruned):
                return None
            try:
                answer = self._archived(request, view)
            except QueryFailed as error:
                if "memory" in error.message.lower() or (duckdb_errors.is_bad_text(error) and not request.repaired):
                    raise
                continue  # a file was replaced, or is damaged: then the log itself answers
            if answer is None or self._archive.is_current(view, request.window):
                break
        return answer

    def _archived(self, request: "_Request", view: ArchiveView) -> tuple[pa.Table, planner.Way] | None:
        if request.tail_at and (plan := self._archive_plan(request, view, "mirror")):
            table = self.from_mirror(plan, request.tail_at, view.until_id)
            if table is not None:
                return table, plan.way
        if not view.files("rows") and not view.is_pruned:
            return None  # the index by time is quicker than all newer rows
        tail: planner.Tail = "sqlite_query in hex" if request.repaired else "sqlite_query"
        plan = self._archive_plan(request, view, tail)
        return (self._pool.answer(self._request(plan)), plan.way) if plan else None

    def _archive_plan(self, request: "_Request", view: ArchiveView, tail: planner.Tail) -> planner.Plan | None:
        """Rollups for a long window, if the question has a statement for them; else the rows."""
        given = (request.file, self._reader.shape(), request.window, request.parameters, view)
        plan = None
        if view.rows > ROLLUP_ROWS and not request.exact and self._reader.shape().native:
            plan = archive_planner.rolled(*given, tail=tail, limit=request.limit)
        return plan or archive_planner.archived(*given, tail=tail, limit=request.limit)

    def _request(self, plan: planner.Plan) -> dict[str, Any]:
        """The request to a worker."""
        request = {"log": str(self._log.absolute()), "statement": plan.statement, "parameters": plan.parameters}
        return request | ({"partials": plan.partials} if plan.partials else {})

    def _has_short_cells(self) -> bool:
        """Whether a scan, which can't cut cells, takes bounded memory: the log is small, or its rows are on average."""
        return self.bytes_beyond(SHORT_ROW) <= SMALL_LOG

    def bytes_beyond(self, row_bytes: int) -> int:
        """The bytes of the log's files beyond `row_bytes` for each of its rows."""
        size = 0
        for path in (self._log, self._log.with_name(f"{self._log.name}-wal")):
            with suppress(OSError):
                size += path.stat().st_size
        return size - row_bytes * self._rows()

    def _rows(self) -> int:
        """The number of ids of the log."""
        rows = self._reader.shape().rows
        ends = f"SELECT (SELECT max(id) FROM {rows}), (SELECT min(id) FROM {rows})"
        _, [(newest, oldest)] = self._reader.answer(ends, {})
        return 0 if newest is None else int(newest - oldest + 1)

    def _share(self, window: Window) -> float:
        """The estimated part of the log's rows in `window`: rows arrive nearly in order of time."""
        # Each end is a query of its own: min and max together read a whole index (300 ms at 1 M rows).
        ends = """
            SELECT (SELECT id FROM data_trace WHERE timestamp >= :from_ns ORDER BY timestamp LIMIT 1),
                (SELECT id FROM data_trace WHERE timestamp < :to_ns ORDER BY timestamp DESC LIMIT 1),
                (SELECT min(id) FROM data_trace), (SELECT max(id) FROM data_trace)
        """
        bounds = {"from_ns": window.from_ns, "to_ns": window.to_ns}
        _, [(first, last, lowest, highest)] = self._reader.answer(ends, bounds)
        if first is None or last is None:
            return 0.0
        return float(abs(last - first + 1) / (highest - lowest + 1))
