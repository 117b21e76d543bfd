"""What is known of the tables of a ClickHouse store: their columns, how far their rows go, and when a trace was."""

import threading
import time
from collections.abc import Mapping
from typing import Final

from obs_core.clock import HOUR, MAX_NS, SECOND, Window
from obs_core.errors import NotALog
from obs_core.query.engine.clickhouse_client import ClickHouseClient
from obs_core.query.engine.clickhouse_rows import LOGS, REQUIRED, Relations
from obs_core.query.engine.clickhouse_url import ClickHouseUrl

ANSWER_S: Final = 1.5  # for what pages ask first: they say within 2 s that the store is away
SAME_S: Final = 1.0  # the store is asked at most so often whether it has new rows
AROUND: Final = 24 * HOUR
"""Before and after the starts of a trace's spans: log records come later, up to the end of the last span."""
ALL_TIMES: Final = Window(0, 9_223_372_036 * SECOND)
"""What a table can have: DateTime64(9) ends in 2262."""

_COLUMNS: Final = "SELECT table, name, type FROM system.columns WHERE database = {database:String}"
_ENDS: Final = (
    "SELECT count() AS counted, toUnixTimestamp64Nano(minOrNull(Timestamp)) AS first_ns,"
    " toUnixTimestamp64Nano(maxOrNull(Timestamp)) AS last_ns FROM "
)
_TRACE: Final = (
    "SELECT toUnixTimestamp64Nano(minOrNull(toDateTime64(Start, 9))) AS first_ns,"
    " toUnixTimestamp64Nano(maxOrNull(toDateTime64(End, 9))) AS last_ns"
    " FROM {table} WHERE TraceId IN {trace_ids:Array(String)}"
)
_HINT: Final = "Name the database of the Collector's ClickHouse exporter, and its tables: ?traces=NAME&logs=NAME."


class ClickHouseTables:
    """The tables of one database."""

    def __init__(self, url: ClickHouseUrl) -> None:
        """The tables at `url`; nothing is opened yet."""
        self._url = url
        self._client = ClickHouseClient(url, limit_s=ANSWER_S, answer_s=ANSWER_S)
        self._relations: Relations | None = None
        self._has_traces_by_id = False
        self._seen: tuple[float, tuple[int, ...], Window | None] | None = None
        self._lock = threading.Lock()

    def relations(self) -> Relations:
        """The relations over the tables; their columns are read once.

        Raises:
            NotALog: there is no table of spans, or a table is not one of the exporter's.
        """
        if self._relations is None:
            columns: dict[str, dict[str, str]] = {}
            for row in self._client.table(_COLUMNS, {"database": self._url.database}).to_pylist():
                columns.setdefault(row["table"], {})[row["name"]] = row["type"]
            known = {"traces": columns.get(self._url.traces, {}), LOGS: columns.get(self._url.logs, {})}
            self._check(known)
            self._has_traces_by_id = f"{self._url.traces}_trace_id_ts" in columns
            self._relations = Relations(self._url, {name: own for name, own in known.items() if own})
        return self._relations

    def state(self) -> tuple[tuple[int, ...], Window | None]:
        """Numbers that change with the rows, and from the first row to just after the last; at most a second old."""
        with self._lock:
            if self._seen is None or time.monotonic() - self._seen[0] > SAME_S:
                tables = [self._url.traces, self._url.logs][: len(self.relations().kinds)]
                asked = " UNION ALL ".join(_ENDS + quoted(table) for table in tables)
                ends = self._client.table(asked, {}).to_pylist()
                times = [row[name] for row in ends for name in ("first_ns", "last_ns") if row["counted"]]
                extent = Window(min(times), min(max(times) + 1, MAX_NS)) if times else None
                version = tuple(sorted(int(row[name] or 0) for row in ends for name in row))
                self._seen = time.monotonic(), version, extent
            return self._seen[1:]

    def bounds_of_traces(self, traces: list[str]) -> Window:
        """When the rows of these traces were, from the exporter's table of traces; all times if that is not known."""
        self.relations()
        if self._has_traces_by_id and traces:
            asked = _TRACE.replace("{table}", quoted(f"{self._url.traces}_trace_id_ts"))
            (bounds,) = self._client.table(asked, {"trace_ids": traces}).to_pylist()
            if bounds["first_ns"] is not None:
                return clamped(Window(bounds["first_ns"] - AROUND, bounds["last_ns"] + AROUND))
        return ALL_TIMES

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _check(self, columns: Mapping[str, Mapping[str, str]]) -> None:
        names, where = {"traces": self._url.traces, LOGS: self._url.logs}, self._url.shown
        if not columns["traces"]:
            raise NotALog(f"{where} has no table {self._url.traces}.", _HINT)
        for kind, known in columns.items():
            name = names[kind]
            if known and (lacking := [column for column in REQUIRED[kind] if column not in known]):
                raise NotALog(f"The table {name} in {where} has no column {', '.join(lacking)}.", _HINT)
            if known and not known["ResourceAttributes"].startswith("Map"):
                message = f"The table {name} in {where} has attributes in JSON, which can't be read."
                raise NotALog(message, "Use the exporter without its option json.")


def clamped(window: Window) -> Window:
    """The part of a window that a table can have."""
    start, end = (min(max(time_ns, ALL_TIMES.from_ns), ALL_TIMES.to_ns) for time_ns in (window.from_ns, window.to_ns))
    return Window(start, end)


def quoted(name: str) -> str:
    """The name of a table as SQL has it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
