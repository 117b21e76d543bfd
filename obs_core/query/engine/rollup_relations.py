"""The relations of a rollup statement: rollups of whole slices of the window, and the rows that are in none.

- `slots`: slot_ns, process_group, process, calls, errors, readings, logs, rows, sum_ns, first_ns, last_ns; one row per
  five minutes, or per row at the edges
- `hours`: hour_ns, process_group, function, data, calls, errors, timed, sum_ns, last_ns, keys, counts (a sketch)
- `totals`: the columns of `hours` without hour_ns, from whole days where there are any; `earlier`: whether it is about
  calls before the parameter `split_ns`; `one` is 1
- `window_traces`: trace, the hash of the id of a trace with calls in the window; not distinct

The rollups of `hours` (unless they are of one function) and `totals` are merged once: files never change, so the worker
keeps the result, a *partial* answer for all questions about these slices.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from obs_core.archive.rollups import BUCKET, SLOT
from obs_core.clock import DAY, HOUR, Window
from obs_core.query.engine import mirror
from obs_core.query.engine.archive_reader import ArchiveView
from obs_core.query.engine.sql_file import parsed

ROWS: Final = parsed(
    "rollup rows",
    "-- Answers: the columns that rollups count\n-- Reach: analytical\n-- Returns: n BIGINT\n-- Reads: rows_("
    "kind, status, timestamp, process, process_group, function, data, duration_ns, trace_id)\nSELECT 1",
)
"""The columns that the relations need of rows."""
_FAILED: Final = "(kind = 'call' AND status = 'ERROR')::BIGINT"
_COUNTED: Final = 'calls, errors, readings, logs, "rows", sum_ns, first_ns, last_ns'
_CALLS: Final = 'process_group, "function", data, calls, errors, timed, sum_ns, last_ns, keys, counts'
_NAMED: Final = ("process_group", '"function"', "data")
_CALLS_OF_ROWS: Final = f"""
    process_group, "function", data, 1::BIGINT AS calls, {_FAILED} AS errors,
    (duration_ns IS NOT NULL)::BIGINT AS timed, duration_ns::DOUBLE AS sum_ns, timestamp AS last_ns,
    CASE WHEN duration_ns IS NOT NULL THEN [{BUCKET}] END AS keys,
    CASE WHEN duration_ns IS NOT NULL THEN [1::BIGINT] END AS counts"""


def whole(window: Window, unit_ns: int) -> Window | None:
    """The whole slices of `unit_ns` in `window`; None if there is none."""
    start, end = -(-window.from_ns // unit_ns) * unit_ns, window.to_ns // unit_ns * unit_ns
    return Window(start, end) if start < end else None


def relations(
    statement: str, window: Window, view: ArchiveView, parameters: Mapping[str, object]
) -> tuple[str, dict[str, str]]:
    """The declarations of the relations that `statement` names, and the statements of partial answers by their names.

    `tail` has the rows behind the archive, as `ROWS`. The window has a whole hour; the parameter `split_ns` is a time.
    """
    one = _Relations(window, view, parameters)
    builders = {"slots": one.slots, "hours": one.hours, "totals": one.totals, "window_traces": one.traces}
    declared = [build() for name, build in builders.items() if re.search(rf"\b{name}\b", statement)]
    return ",\n".join(declared), one.partials


@dataclass(frozen=True, slots=True)
class _Relations:
    window: Window
    view: ArchiveView
    parameters: Mapping[str, object]
    partials: dict[str, str] = field(default_factory=dict)

    @property
    def group(self) -> str:
        return "" if self.parameters.get("group") is None else " AND process_group = $group"

    def slots(self) -> str:
        rolled = f"slot * {SLOT} AS slot_ns, process_group, process, {_COUNTED}"
        inner, edges = _divided(self.window, SLOT)
        return f"""slots AS NOT MATERIALIZED (
            {self._slices("r_rows", SLOT, inner, rolled)}
            SELECT
                timestamp AS slot_ns, process_group, process, (kind = 'call')::BIGINT AS calls, {_FAILED} AS errors,
                (kind = 'value')::BIGINT AS readings, (kind = 'log')::BIGINT AS logs, 1::BIGINT AS "rows",
                CASE WHEN kind = 'call' THEN duration_ns::DOUBLE END AS sum_ns,
                timestamp AS first_ns, timestamp AS last_ns
            FROM ({self._rows(edges)})
        )"""

    def hours(self) -> str:
        inner, edges = _divided(self.window, HOUR)
        selected = f"slot * {HOUR} AS hour_ns, {_CALLS}"
        if self.parameters.get("function") is None:
            slices = self._merged("r_calls", HOUR, inner, ("slot",), selected)
        else:
            slices = self._slices("r_calls", HOUR, inner, selected)
        return f"""hours AS NOT MATERIALIZED (
            {slices}
            SELECT timestamp AS hour_ns, {_CALLS_OF_ROWS} FROM ({self._rows(edges)}) WHERE kind = 'call'
        )"""

    def totals(self) -> str:
        parts = [(self.window, False)]
        split_ns = self.parameters.get("split_ns")
        earlier_rows = "false" if split_ns is None else f"timestamp < {split_ns}"
        if split_ns is not None:
            assert isinstance(split_ns, int)
            split_ns = max(self.window.from_ns, min(self.window.to_ns, split_ns))
            parts = [(Window(self.window.from_ns, split_ns), True), (Window(split_ns, self.window.to_ns), False)]
        slices, edges = "", []
        for part, earlier in parts:
            selected = f"{_CALLS}, {earlier} AS earlier, 1 AS one"
            days, around = self._days(part)
            for day in days:
                slices += self._merged("d_calls", DAY, day, _NAMED, selected)
            for rest in around:
                inner, more = _divided(rest, HOUR)
                slices += self._merged("r_calls", HOUR, inner, _NAMED, selected)
                edges += more
        return f"""totals AS NOT MATERIALIZED (
            {slices}
            SELECT {_CALLS_OF_ROWS}, {earlier_rows} AS earlier, 1 AS one
            FROM ({self._rows(edges)})
            WHERE kind = 'call'
        )"""

    def traces(self) -> str:
        """A trace has a call in the window if its first or its last is in it, or one of the rows at the edges."""
        _, edges = _divided(self.window, HOUR)
        parts = [f"SELECT trace_id AS trace FROM ({self._rows(edges)}) WHERE kind = 'call'"]
        if files := self.view.files("r_traces"):
            first, last = (f"({name} >= $from_ns AND {name} < $to_ns)" for name in ("first_ns", "last_ns"))
            trace = mirror.hashed("trace_id")
            parts.append(f"SELECT {trace} AS trace FROM {parquet(files)} WHERE ({first} OR {last}){self.group}")
        return f"window_traces AS ({' UNION ALL '.join(parts)})"

    def _days(self, part: Window) -> tuple[list[Window], list[Window]]:
        """The ranges of whole days that have a rollup by day, and what is around them.

        Days that were sealed by an earlier version have rollups by hour alone.
        """
        inner = whole(part, DAY)
        days: list[Window] = []
        for number in range(inner.from_ns // DAY, inner.to_ns // DAY) if inner else ():
            counts = [
                sum(p.what == what and p.day == number for p in self.view.pieces) for what in ("r_calls", "d_calls")
            ]
            if counts[0] != counts[1]:
                continue
            start_ns = number * DAY
            if days and days[-1].to_ns == start_ns:
                start_ns = days.pop().from_ns
            days.append(Window(start_ns, (number + 1) * DAY))
        ends = [part.from_ns, *(end for day in days for end in (day.from_ns, day.to_ns)), part.to_ns]
        around = [Window(*pair) for pair in zip(ends[::2], ends[1::2], strict=True)]
        return days, [one for one in around if one.from_ns < one.to_ns]

    def _slices(self, what: str, unit_ns: int, inner: Window | None, selected: str) -> str:
        """The rollups of the whole slices `inner`, with a UNION ALL behind them; nothing if there are none."""
        files = self.view.files(what, inner) if inner else []
        if not inner or not files:
            return ""
        slots = f"slot >= {inner.from_ns // unit_ns} AND slot < {inner.to_ns // unit_ns}"
        return f"SELECT {selected} FROM {parquet(files)} WHERE {slots}{self.group} UNION ALL "

    def _merged(self, what: str, unit_ns: int, inner: Window | None, by: Sequence[str], selected: str) -> str:
        """As `_slices`, of calls: those with the same columns `by` in one row, from a table that the worker keeps."""
        slices = self._slices(what, unit_ns, inner, "*").removesuffix(" UNION ALL ")
        if not slices:
            return ""
        missing = "".join(f"NULL::VARCHAR AS {name}, " for name in _NAMED if name not in by)
        names, equal = ", ".join(by), " AND ".join(f"sums.{name} IS NOT DISTINCT FROM sketches.{name}" for name in by)
        statement = f"""
            WITH slices AS MATERIALIZED ({slices}),
            sums AS (
                SELECT
                    {names}, sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors, sum(timed)::BIGINT AS timed,
                    sum(sum_ns) AS sum_ns, max(last_ns) AS last_ns
                FROM slices GROUP BY {names}
            ),
            sketches AS (
                SELECT {names}, list(key) AS keys, list(n) AS counts
                FROM (
                    SELECT {names}, key, sum(n)::BIGINT AS n
                    FROM (SELECT {names}, unnest(keys) AS key, unnest(counts) AS n FROM slices)
                    GROUP BY ALL
                )
                GROUP BY {names}
            )
            SELECT {missing} sums.*, keys, counts
            FROM sums LEFT JOIN sketches ON {equal}"""
        group = self.parameters.get("group")
        name = f"partial_{blake2b(f'{group!r} {statement}'.encode(), digest_size=16).hexdigest()}"
        self.partials[name] = statement
        return f"SELECT {selected} FROM {name} UNION ALL "

    def _rows(self, edges: Sequence[Window]) -> str:
        """The rows of the window that are in no whole slice, or behind the archive."""
        columns = ", ".join(
            f'{mirror.hashed(name)} AS "{name}"' if name in mirror.IDS else f'"{name}"' for name in ROWS.reads["rows_"]
        )
        parts = ["SELECT * FROM tail"]
        if edges and (files := self.view.files("rows", *edges)):
            times = " OR ".join(f"(timestamp >= {edge.from_ns} AND timestamp < {edge.to_ns})" for edge in edges)
            parts.append(f"SELECT {columns} FROM {parquet(files)} WHERE ({times}){self.group}")
        return " UNION ALL ".join(parts)


def _divided(window: Window, unit_ns: int) -> tuple[Window | None, list[Window]]:
    """The whole slices in a window, and what is before and after them."""
    inner = whole(window, unit_ns)
    if inner is None:
        return None, [window]
    edges = [Window(window.from_ns, inner.from_ns), Window(inner.to_ns, window.to_ns)]
    return inner, [edge for edge in edges if edge.from_ns < edge.to_ns]


def parquet(files: Sequence[str]) -> str:
    """DuckDB's table function that reads these files."""
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in files)
    return f"read_parquet([{names}])"
