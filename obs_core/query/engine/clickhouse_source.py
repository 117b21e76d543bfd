"""A ClickHouse store as the source of an engine: the tables that the OpenTelemetry Collector's exporter writes.

A query is answered by its twin within ClickHouse (`clickhouse_twins`). For one without a twin, the columns of its
window are streamed into a worker, where its own statement runs. `planner.way_of_store` decides which.
"""

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from obs_core.clock import SECOND, Window
from obs_core.errors import TooManyRows
from obs_core.issues import Issue
from obs_core.query.engine import clickhouse_twins, duckdb_errors, planner
from obs_core.query.engine.clickhouse_client import ClickHouseClient
from obs_core.query.engine.clickhouse_rows import HASH_BITS, LOGS
from obs_core.query.engine.clickhouse_tables import ALL_TIMES, ClickHouseTables, clamped, quoted
from obs_core.query.engine.clickhouse_url import ClickHouseUrl
from obs_core.query.engine.failure_rollups import RolledFailures
from obs_core.query.engine.source import Dialect
from obs_core.query.engine.sql_file import SqlFile
from obs_core.query.engine.sqlite_reader import Rows
from obs_core.query.engine.worker_pool import Pool, QueryFailed
from obs_core.semconv import UNKNOWN_SERVICE
from obs_core.store.foreign import NATIVE, Shape

MAX_SECOND: Final = 2**32 - 1  # that a DateTime can have
STREAMED: Final = 2_000_000
"""Rows of a window that are streamed to a worker at most, some 200 MB; of more an answer would be of a part."""
_NOT_KNOWN: Final = (
    "It is a ClickHouse database of the OpenTelemetry Collector: it has no values, no return values, no memory "
    "figures, no source code and no runs of processes. What the Collector still holds is not known."
)
_OWN_LOG: Final = "Alert rules, the receiver and imports use this server's own log."
_ARROW: Final = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "BOOLEAN": pa.bool_(),
    "BIGINT[]": pa.list_(pa.int64()),
    "DOUBLE[]": pa.list_(pa.float64()),
    "VARCHAR[]": pa.list_(pa.string()),
}


class ClickHouseSource:
    """The rows of one database."""

    dialect: Dialect = "clickhouse"

    def __init__(self, url: ClickHouseUrl, pool: Pool, *, limit_s: float) -> None:
        """The store at `url`; nothing is opened yet. `pool` answers what has no twin."""
        self.address = url.shown
        self._url, self._pool = url, pool
        self._client = ClickHouseClient(url, limit_s=limit_s)
        self._tables = ClickHouseTables(url)

    def version(self) -> tuple[int, ...]:
        """Numbers that change with the rows; asked of the store at most once a second."""
        return self._tables.state()[0]

    def extent(self) -> Window | None:
        """From the first row to just after the last, as of a second ago."""
        return self._tables.state()[1]

    def shape(self) -> Shape:
        """What a store lacks."""
        without_logs = () if LOGS in self._tables.relations().kinds else (f"It has no table {self._url.logs}.",)
        return Shape(
            native=True,
            rows=NATIVE.rows,
            calls_where=NATIVE.calls_where,
            values_where=NATIVE.values_where,
            logs_where=NATIVE.logs_where,
            missing=(_NOT_KNOWN, *without_logs, _OWN_LOG),
        )

    def narrow(
        self,
        file: SqlFile,
        where_sql: str,
        parameters: Mapping[str, Any],
        *,
        limit: int | None = None,
        limit_s: float | None = None,
        cut: bool = False,  # noqa: ARG002 - twins cut by themselves
    ) -> tuple[Rows, planner.Way]:
        """The answer of the file's twin; no rows where a store never has any."""
        twin = clickhouse_twins.twin(file.name)
        way = planner.way_of_store(file, has_twin=twin is not None)
        if twin is None:
            return (list(file.returns), []), way
        table = self._run(twin, parameters, where_sql=where_sql, limit=limit, limit_s=limit_s)
        if "has_children" in file.returns:
            return (list(file.returns), self._page(file, table.to_pylist(), parameters)), way
        return (table.column_names, list(zip(*(column.to_pylist() for column in table.columns), strict=True))), way

    def analyse(
        self, file: SqlFile, window: Window, parameters: Mapping[str, Any], *, limit: int | None, exact: bool
    ) -> tuple[pa.Table, planner.Way]:
        """The answer of the file's twin, which is exact; or of its statement over the streamed rows of the window."""
        del exact
        twin = clickhouse_twins.twin(file.name)
        way = planner.way_of_store(file, has_twin=twin is not None)
        within = {"from_ns": window.from_ns, "to_ns": window.to_ns}
        if twin is not None:
            table = self._run(twin, {**within, **parameters}, limit=limit)
            return typed(table, file.returns), way
        plan = planner.streamed(file, window, parameters, limit)
        rows = self._rows_of(file, {**within, **parameters}, is_empty=way == "nothing")
        try:
            return self._pool.answer({"statement": plan.statement, "parameters": plan.parameters}, rows), way
        except QueryFailed as error:
            raise duckdb_errors.translate_error(error, self.address) from error

    def mirrored(self, file: SqlFile, window: Window, parameters: Mapping[str, Any], limit: int) -> pa.Table | None:
        """Nothing is copied into memory."""
        del file, window, parameters, limit
        return None

    def failures(
        self, window: Window, group: str | None, origin_ns: int, step_ns: int, *, only: Issue | None
    ) -> RolledFailures | None:
        """Nothing is counted in advance."""
        del window, group, origin_ns, step_ns, only
        return None

    def is_pruned(self, window: Window) -> bool:
        """Narrow queries read all rows."""
        del window
        return False

    def bytes_beyond(self, row_bytes: int) -> int:
        """The size of rows is not known."""
        del row_bytes
        return 0

    def warm(self) -> None:
        """Connect, so that the first question need not."""
        self._tables.state()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._tables.close()

    def _run(
        self,
        twin: str,
        parameters: Mapping[str, Any],
        *,
        where_sql: str = "1",
        limit: int | None = None,
        limit_s: float | None = None,
    ) -> pa.Table:
        """The answer of a twin over the rows of its window; that of its traces or ids, if it has none."""
        relations = self._tables.relations()
        given = dict(parameters)
        traces = _traces(given)
        by_id = "from_ns" not in given and "id IN" in f"{twin}{where_sql}".replace("id = {id:", "id IN {id:")
        if traces is not None:
            given["trace_ids"] = traces
        given |= self._bounds(given, traces, by_id=by_id)
        grouped = given.get("group") is not None
        if grouped:
            given["services"] = [given["group"], *([""] if given["group"] == UNKNOWN_SERVICE else [])]
        if extent := self.extent() if "{last_ns:" in twin else None:
            given["last_ns"] = extent.to_ns - 1
        text = clickhouse_twins.expanded(twin, given, where_sql=where_sql.replace("{traces}", quoted(self._url.traces)))
        declared = relations.declared(
            clickhouse_twins.columns_in(text) or ["id"],
            grouped=grouped,
            traced=traces is not None,
            by_id=by_id and traces is None,
        )
        asked = clickhouse_twins.bound(text, declared, given, limit=limit)
        return self._client.table(asked.statement, asked.parameters, limit=limit, limit_s=limit_s)

    def _bounds(self, given: Mapping[str, Any], traces: list[str] | None, *, by_id: bool) -> dict[str, Any]:
        """The window of a statement, as far as the store's times go; for ids also their seconds."""
        window, more = ALL_TIMES, {}
        if "from_ns" in given:
            window = clamped(Window(int(given["from_ns"]), int(given["to_ns"])))
        elif traces is not None:
            window = self._tables.bounds_of_traces(traces)
        elif by_id:
            ids = clickhouse_twins.listed(given["ids"]) if "ids" in given else [given["id"]]
            seconds = sorted({min(max(int(one) >> HASH_BITS, 0), MAX_SECOND) for one in ids}) or [0]
            window, more = Window(seconds[0] * SECOND, (seconds[-1] + 1) * SECOND), {"seconds": seconds}
        ends = {"from_ns": window.from_ns, "to_ns": window.to_ns}
        seconds_of = {f"{name[:-3]}_s": min(end // SECOND, MAX_SECOND) for name, end in ends.items()}
        return ends | seconds_of | more

    def _page(self, file: SqlFile, keys: list[dict[str, Any]], parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows with these keys in their order, and whether they have children, which may be outside the window."""
        if not keys:
            return []
        given = {name: parameters[name] for name in ("longest", "with_attributes")}
        rows = {row["id"]: row for row in self._named("traces/rows", {**given, "ids": [key["id"] for key in keys]})}
        traces = sorted({row["trace_id"] for row in rows.values() if row["trace_id"] and row["span_id"]})
        pairs = self._named("traces/parents", {"trace_ids": traces}) if traces else []
        parents = {(row["trace_id"], row["parent_span_id"]) for row in pairs}
        for row in rows.values():
            row["has_children"] = int((row["trace_id"], row["span_id"]) in parents)
        return [tuple((rows[key["id"]] | key)[name] for name in file.returns) for key in keys if key["id"] in rows]

    def _named(self, name: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a twin that has no file."""
        twin = clickhouse_twins.twin(name)
        assert twin
        rows: list[dict[str, Any]] = self._run(twin, parameters).to_pylist()
        return rows

    def _rows_of(self, file: SqlFile, parameters: Mapping[str, Any], *, is_empty: bool) -> pa.Table:
        """The columns that the file reads of the rows in its window, with the flags of its relations.

        Raises:
            TooManyRows: there are more than `STREAMED`.
        """
        columns = planner.columns_of(file)
        flags = [f"kind = '{kind}' AS {flag}" for kind, flag in planner.KINDS.items()]
        most = 0 if is_empty else STREAMED + 1
        selected = ", ".join([*(f'"{column}"' for column in columns), *flags])
        asked = f"SELECT {selected}\nFROM rows_\nLIMIT {most}"
        table = self._run(asked, parameters, limit=most or None)
        if len(table) > STREAMED:
            message = f"This question reads at most {STREAMED:,} rows of ClickHouse, and the window has more."
            raise TooManyRows(message, "Choose a shorter window, or a group.")
        return table


def typed(table: pa.Table, returns: Mapping[str, str]) -> pa.Table:
    """The columns of an answer in the order and with the types that the SQL file declares."""
    return pa.table({name: table.column(name).cast(_ARROW[kind]) for name, kind in returns.items()})


def _traces(given: Mapping[str, Any]) -> list[str] | None:
    """The traces that a statement without a window is about."""
    if "from_ns" in given:
        return None
    if "trace_id" in given:
        return [given["trace_id"]] if given["trace_id"] else []  # records of no trace have an empty text
    return clickhouse_twins.listed(given["trace_ids"]) if "trace_ids" in given else None
