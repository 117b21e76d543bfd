"""The relations of a rollup statement: rollups of whole slices of the window, and the rows that are in none.

- `slots`: slot_ns, process_group, process, calls, errors, readings, logs, rows, sum_ns, first_ns, last_ns; one row per
  five minutes, or per row at the edges
- `hours`: hour_ns, process_group, function, data, calls, errors, timed, sum_ns, last_ns, keys, counts (a sketch)
- `totals`: the columns of `hours` without hour_ns, from whole days where there are any; `earlier`: whether it is about
  calls before the parameter `split_ns`; `one` is 1
- `measures`: the columns of `totals`, and min_ns, max_ns, self_ns, measured, memory; some rows correct self_ns alone
  (`self_times`)
- `window_traces`: trace, the hash of the id of a trace with calls in the window; not distinct
- those of values: see `value_relations`; those of one function's durations and memory: see `spread_relations`

The rollups of `hours` (if they are of all functions) and `totals` are merged once: files never change, so the worker
keeps the result, a *partial* answer for all questions about these slices.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from obs_core.archive.rollups import BUCKET, SLOT
from obs_core.clock import DAY, HOUR, Window
from obs_core.query.engine import mirror, self_times, spread_relations, value_relations
from obs_core.query.engine.archive_reader import ArchiveView
from obs_core.query.engine.rollup_slices import (
    CALL_ROWS,
    MEASURE_ROWS,
    VALUE_ROWS,
    Slices,
    around,
    divided,
    names_in,
    parquet,
    rolled_days,
    whole,
)  # fmt: skip
from obs_core.query.engine.sql_file import SqlFile

_FAILED: Final = "(kind = 'call' AND status = 'ERROR')::BIGINT"
_COUNTED: Final = 'calls, errors, readings, logs, "rows", sum_ns, first_ns, last_ns'
_CALLS: Final = 'process_group, "function", data, calls, errors, timed, sum_ns, last_ns, keys, counts'
_NAMED: Final = ("process_group", '"function"', "data")
_CALLS_OF_ROWS: Final = f"""
    process_group, "function", data, 1::BIGINT AS calls, {_FAILED} AS errors,
    (duration_ns IS NOT NULL)::BIGINT AS timed, duration_ns::DOUBLE AS sum_ns, timestamp AS last_ns,
    CASE WHEN duration_ns IS NOT NULL THEN [{BUCKET}] END AS keys,
    CASE WHEN duration_ns IS NOT NULL THEN [1::BIGINT] END AS counts"""
_MEASURES: Final = "min_ns, max_ns, self_ns, measured, memory"
_MEASURES_OF_ROWS: Final = """
    duration_ns AS min_ns, duration_ns AS max_ns,
    CASE WHEN duration_ns IS NOT NULL THEN greatest(duration_ns - coalesce(covered_ns, 0), 0)::DOUBLE END AS self_ns,
    (memory_delta IS NOT NULL)::BIGINT AS measured, memory_delta::DOUBLE AS memory"""


def rows_of(statement: str) -> SqlFile:
    """The columns of rows that the relations of `statement` need; `tail` has those of the rows behind the archive."""
    if names_in(statement, value_relations.NAMES):
        return VALUE_ROWS
    is_measured = names_in(statement, (*self_times.NAMES, *spread_relations.NAMES))
    return MEASURE_ROWS if is_measured else CALL_ROWS


def relations(
    statement: str, window: Window, view: ArchiveView, parameters: Mapping[str, object]
) -> tuple[str, dict[str, str]]:
    """The declarations of the relations that `statement` names, and the statements of partial answers by their names.

    `tail` has the rows behind the archive, as `rows_of`. The window has a whole hour; the parameter `split_ns` is a
    time.
    """
    slices = Slices(window, view, parameters)
    one = _Relations(slices)
    builders = {"slots": one.slots, "hours": one.hours, "totals": one.totals, "measures": one.measures}
    builders |= {"window_traces": one.traces}
    declared = [builders[name]() for name in names_in(statement, list(builders))]
    declared += [spread_relations.declared(name, slices) for name in names_in(statement, spread_relations.NAMES)]
    declared += [value_relations.declared(name, slices) for name in names_in(statement, value_relations.NAMES)]
    return ",\n".join(declared), slices.partials


class _Relations:
    def __init__(self, slices: Slices) -> None:
        self._slices = slices
        self._window, self._view, self._parameters = slices.window, slices.view, slices.parameters

    def slots(self) -> str:
        rolled = f"slot * {SLOT} AS slot_ns, process_group, process, {_COUNTED}"
        inner, edges = divided(self._window, SLOT)
        return f"""slots AS NOT MATERIALIZED (
            {self._slices.of("r_rows", SLOT, inner, rolled)}
            SELECT
                timestamp AS slot_ns, process_group, process, (kind = 'call')::BIGINT AS calls, {_FAILED} AS errors,
                (kind = 'value')::BIGINT AS readings, (kind = 'log')::BIGINT AS logs, 1::BIGINT AS "rows",
                CASE WHEN kind = 'call' THEN duration_ns::DOUBLE END AS sum_ns,
                timestamp AS first_ns, timestamp AS last_ns
            FROM ({self._slices.rows(CALL_ROWS, edges)})
        )"""

    def hours(self) -> str:
        inner, edges = divided(self._window, HOUR)
        selected = f"slot * {HOUR} AS hour_ns, {_CALLS}"
        if self._parameters.get("function", "") is None:
            slices = self._merged("r_calls", HOUR, inner, ("slot",), selected)
        else:
            slices = self._slices.of("r_calls", HOUR, inner, selected)
        return f"""hours AS NOT MATERIALIZED (
            {slices}
            SELECT timestamp AS hour_ns, {_CALLS_OF_ROWS}
            FROM ({self._slices.rows(CALL_ROWS, edges)})
            WHERE kind = 'call'
        )"""

    def totals(self) -> str:
        slices, edges, earlier = self._days(_CALLS)
        return f"""totals AS NOT MATERIALIZED (
            {slices}
            SELECT {_CALLS_OF_ROWS}, {earlier} AS earlier, 1 AS one
            FROM ({self._slices.rows(CALL_ROWS, edges)})
            WHERE kind = 'call'
        )"""

    def measures(self) -> str:
        slices, edges, earlier = self._days(f"{_CALLS}, {_MEASURES}")
        return f"""{self_times.DECLARED}, measures AS NOT MATERIALIZED (
            {slices}
            SELECT {_CALLS_OF_ROWS}, {_MEASURES_OF_ROWS}, {earlier} AS earlier, 1 AS one
            FROM ({self._slices.rows(MEASURE_ROWS, edges, "covered_ns")})
            WHERE kind = 'call'
            UNION ALL
            SELECT
                process_group, "function", data, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, self_ns, 0, NULL,
                {earlier}, 1
            FROM self_times
        )"""

    def _days(self, columns: str) -> tuple[str, list[Window], str]:
        """The rollups by day and hour, with a UNION ALL behind them; what they lack; SQL for `earlier` of a row."""
        split_ns = self._slices.split_ns
        earlier_rows = "false" if split_ns is None else f"timestamp < {split_ns}"
        slices, edges = "", []
        for part, earlier in self._slices.sides():
            selected = f"{columns}, {earlier} AS earlier, 1 AS one"
            inner = whole(part, DAY)
            days = rolled_days(self._view, inner, "d_calls", like="r_calls") if inner else []
            for day in days:
                slices += self._merged("d_calls", DAY, day, _NAMED, selected)
            for rest in around(part, days):
                inner, more = divided(rest, HOUR)
                slices += self._merged("r_calls", HOUR, inner, _NAMED, selected)
                edges += more
        return slices, edges, earlier_rows

    def traces(self) -> str:
        """A trace has a call in the window if its first or its last is in it, or one of the rows at the edges."""
        _, edges = divided(self._window, HOUR)
        parts = [f"SELECT trace_id AS trace FROM ({self._slices.rows(CALL_ROWS, edges)}) WHERE kind = 'call'"]
        if files := self._view.files("r_traces"):
            first, last = (f"({name} >= $from_ns AND {name} < $to_ns)" for name in ("first_ns", "last_ns"))
            trace = mirror.hashed("trace_id")
            parts.append(f"SELECT {trace} AS trace FROM {parquet(files)} WHERE ({first} OR {last}){self._slices.group}")
        return f"window_traces AS ({' UNION ALL '.join(parts)})"

    def _merged(self, what: str, unit_ns: int, inner: Window | None, by: Sequence[str], selected: str) -> str:
        """As `Slices.of`, of calls: those with the same columns `by` in one row, from a table that the worker keeps."""
        slices = self._slices.of(what, unit_ns, inner, "*").removesuffix(" UNION ALL ")
        if not slices:
            return ""
        missing = "".join(f"NULL::VARCHAR AS {name}, " for name in _NAMED if name not in by)
        names, equal = ", ".join(by), " AND ".join(f"sums.{name} IS NOT DISTINCT FROM sketches.{name}" for name in by)
        statement = f"""
            WITH slices AS MATERIALIZED ({slices}),
            sums AS (
                SELECT
                    {names}, sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors, sum(timed)::BIGINT AS timed,
                    sum(sum_ns) AS sum_ns, max(last_ns) AS last_ns, min(min_ns) AS min_ns, max(max_ns) AS max_ns,
                    sum(self_ns) AS self_ns, sum(measured)::BIGINT AS measured, sum(memory) AS memory
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
        return self._slices.stored(statement, selected)
