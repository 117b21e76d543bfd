"""The one way to the log's answers: narrow questions through sqlite3 here, analytical ones through a worker.

One engine per server or command. It is safe to use from several threads.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
from pandas import DataFrame

from obs_core.clock import Window
from obs_core.errors import ObsError
from obs_core.model import ROW_CAP
from obs_core.query.engine import dataframes, duckdb_errors, planner
from obs_core.query.engine.sql_file import SqlFile, sql_file
from obs_core.query.engine.sqlite_reader import SqliteReader
from obs_core.query.engine.worker_pool import MirrorBehind, Pool, QueryFailed, WorkerDied
from obs_core.store.foreign import Shape


class Engine:
    """Answers questions about one log."""

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
    ) -> None:
        """An engine for the log at `log`, which need not be there yet.

        A question may run `limit_s` and wait 5 s for a worker; its answer has at most `row_cap` rows (None: all).
        `pool` lends workers that serve other engines too; who made it closes it. With `mirror`, workers keep a copy of
        the log's columns in memory: worth it for who asks again and again.
        """
        self.log = log
        self.row_cap, self.limit_s = row_cap, limit_s
        self.has_mirror = mirror
        self._lookup = SqliteReader(log, limit_s=limit_s)
        self._pool = pool or Pool(workers, memory_mb=memory_mb, limit_s=limit_s)
        self._pool_is_lent = pool is not None
        self._extent: tuple[tuple[int, ...], Window | None] | None = None
        self._bad_text: tuple[tuple[int, ...], Window] | None = None

    def lookup(
        self,
        question: str,
        parameters: Mapping[str, object],
        *,
        wanted: str = "1",
        limit_s: float | None = None,
        row_cap: int | None = None,
    ) -> DataFrame:
        """The answer to a narrow question.

        `wanted` are the conditions of `query.wanted`, for a question that leaves room for them; `limit_s` is the time
        it may run, where that is less than the engine's own; `row_cap` takes the place of the engine's own cap, if it
        has one.

        Raises:
            ObsError: the log is missing, is none, can't be read, or the question ran over its limit.
        """
        start = time.perf_counter()
        file = sql_file(question)
        cap = None if self.row_cap is None else row_cap or self.row_cap
        most = None if cap is None else cap + 1
        statement = self._statement(file, wanted)
        names, rows = self._lookup.answer(statement, _plain(parameters), most=most, limit_s=limit_s)
        return self._told(dataframes.from_rows(names, rows, file.returns), "lookup", start, cap)

    def tuples(self, question: str, parameters: Mapping[str, object], *, wanted: str = "1") -> list[tuple[Any, ...]]:
        """All rows of the answer to a narrow question, cell by cell as the log holds them; for exports.

        Raises:
            ObsError: as `lookup`.
        """
        return self._lookup.answer(self._statement(sql_file(question), wanted), _plain(parameters))[1]

    def analyse(self, question: str, window: Window, parameters: Mapping[str, object]) -> DataFrame:
        """The answer to an analytical question about the rows in `window`.

        Raises:
            ObsError: as `lookup`; also where all workers are busy, or one failed twice.
        """
        start = time.perf_counter()
        file = sql_file(question)
        shape = self._lookup.shape()
        version = self._lookup.version()
        given = _plain(parameters)
        mended = self._is_marred(version[:2], window)
        try:
            table, way = self._asked(file, shape, window, given, mirror_at=None if mended else version, mended=mended)
        except WorkerDied:
            # It may have been killed, or have stumbled over a text; a fresh one gets the question in the safer form.
            table, way = self._asked(file, shape, window, given, mended=True)
        except QueryFailed:
            # One cell that is not UTF-8 fails the question; the slower way reads around it.
            self._bad_text = version[:2], window
            table, way = self._asked(file, shape, window, given, mended=True)
        return self._told(dataframes.from_arrow(table), way, start, self.row_cap)

    def mirrored(self, question: str, window: Window, parameters: Mapping[str, object]) -> DataFrame | None:
        """The answer to an analytical question, if a worker's mirror can give it; None where it can't now."""
        start = time.perf_counter()
        try:
            version = self._lookup.version()
            asked = planner.mirrored(
                sql_file(question), self._lookup.shape(), window, _plain(parameters), most=ROW_CAP + 1
            )
            table = self._from_mirror(asked, version)
        except ObsError:  # whoever asks goes another way, and is told what is wrong there
            return None
        return None if table is None else self._told(dataframes.from_arrow(table), "mirror", start, ROW_CAP)

    def _statement(self, file: SqlFile, wanted: str) -> str:
        """A narrow question's SQL over the relations of this log."""
        shape = self._lookup.shape()
        statement = file.statement
        for name in ("rows", "calls", "values", "logs"):
            statement = statement.replace("{" + name + "}", shape.relation(name))
        return statement.replace("{wanted}", wanted)

    def shape(self) -> Shape:
        """How the log is built, and what it can't tell."""
        return self._lookup.shape()

    def extent(self) -> Window | None:
        """From the log's first row to just after its last one; None while it has no row (with a time)."""
        version = self._lookup.version()
        if self._extent and self._extent[0] == version:
            return self._extent[1]
        shape = self._lookup.shape()
        ends = f"SELECT min(timestamp), max(timestamp) FROM {shape.rows}"
        if shape.native:  # SQLite finds both ends in the index only when it is asked for one at a time
            ends = f"SELECT (SELECT min(timestamp) FROM {shape.rows}), (SELECT max(timestamp) FROM {shape.rows})"
        _, [(first, last)] = self._lookup.answer(ends, {})
        found = Window(first, last + 1) if first is not None else None
        self._extent = (version, found)
        return found

    def version(self) -> tuple[int, ...]:
        """Numbers that change whenever the log does; cheap (about 0.05 ms)."""
        return self._lookup.version()

    def warm(self) -> None:
        """Start a worker, so that the first question need not wait for it."""
        self._pool.warm()

    def close(self) -> None:
        """Close all connections and stop the workers."""
        self._lookup.close()
        if not self._pool_is_lent:
            self._pool.close()

    def __enter__(self) -> Self:
        """The engine itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _asked(
        self,
        file: SqlFile,
        shape: Shape,
        window: Window,
        parameters: Mapping[str, object],
        *,
        mended: bool,
        mirror_at: tuple[int, ...] | None = None,
    ) -> tuple[pa.Table, planner.Way]:
        """A worker's answer, and the way it went: by the mirror, if it may be one that has seen the version given.

        Raises:
            AnswerRefused: a text that is not UTF-8 is in the way, and it was not asked in the mended form.
        """
        most = None if self.row_cap is None else self.row_cap + 1
        try:
            copied = planner.mirrored(file, shape, window, parameters, most) if mirror_at else None
            if mirror_at and (table := self._from_mirror(copied, mirror_at)) is not None:
                return table, "mirror"
            share = self._share(window) if shape.native else 0.0
            asked = planner.plan(file, shape, window, parameters, share=share, most=most, mended=mended)
            return self._pool.answer(self._request(asked)), asked.way
        except QueryFailed as error:
            if not mended and duckdb_errors.is_bad_text(error):
                raise
            raise duckdb_errors.translate_error(error, self.log) from error

    def _from_mirror(self, asked: planner.Plan | None, version: tuple[int, ...]) -> pa.Table | None:
        """The answer of a worker's mirror that has seen `version`; None where there is none."""
        if asked is None or not self.has_mirror:
            return None
        with suppress(MirrorBehind):
            return self._pool.answer(self._request(asked) | {"mirror_at": version})
        return None

    def _request(self, asked: planner.Plan) -> dict[str, Any]:
        """What a worker is sent."""
        return {"log": str(self.log.absolute()), "statement": asked.statement, "parameters": asked.parameters}

    def _is_marred(self, identity: tuple[int, ...], window: Window) -> bool:
        """Whether `window` meets the one in which a text that is not UTF-8 was last found."""
        if self._bad_text is None or self._bad_text[0] != identity:
            return False
        found = self._bad_text[1]
        return window.from_ns < found.to_ns and found.from_ns < window.to_ns

    def _share(self, window: Window) -> float:
        """About which part of the log's rows lies in `window`: rows arrive nearly in the order of their times."""
        # Each end is a question of its own: min and max asked together read a whole index (300 ms at 1 M rows).
        ends = """
            SELECT (SELECT id FROM data_trace WHERE timestamp >= :from_ns ORDER BY timestamp LIMIT 1),
                (SELECT id FROM data_trace WHERE timestamp < :to_ns ORDER BY timestamp DESC LIMIT 1),
                (SELECT min(id) FROM data_trace), (SELECT max(id) FROM data_trace)
        """
        _, [(first, last, least, most)] = self._lookup.answer(ends, {"from_ns": window.from_ns, "to_ns": window.to_ns})
        if first is None or last is None:
            return 0.0
        return float(abs(last - first + 1) / (most - least + 1))

    def _told(self, frame: DataFrame, way: str, start: float, cap: int | None) -> DataFrame:
        """`frame` within the cap, with what is known of how it came about."""
        truncated = cap is not None and len(frame) > cap
        if truncated:
            frame = frame.head(cap or 0).copy()
        elapsed_ms = (time.perf_counter() - start) * 1e3
        frame.attrs = {"truncated": truncated, "approximate": False, "way": way, "elapsed_ms": elapsed_ms}
        return frame


def _plain(parameters: Mapping[str, object]) -> dict[str, Any]:
    """The parameters with numpy's numbers (out of a DataFrame) as Python's."""
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in parameters.items()}
