"""The relations of a rollup statement: rollups of whole slices of the window, and the rows that are in none.

- `slots`: slot_ns, process_group, process, calls, errors, readings, logs, rows, sum_ns, first_ns, last_ns; one row per
  five minutes, or per row at the edges
- `hours`: hour_ns, process_group, function, data, calls, errors, sum_ns, last_ns, keys, counts (a sketch); `one` is 1
- `window_traces`: trace, the hash of the id of a trace with calls in the window; not distinct
"""

from collections.abc import Sequence
from typing import Final

from obs_core.archive.rollups import BUCKET, SLOT
from obs_core.clock import HOUR, Window
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


def whole(window: Window, unit_ns: int) -> Window | None:
    """The whole slices of `unit_ns` in `window`; None if there is none."""
    start, end = -(-window.from_ns // unit_ns) * unit_ns, window.to_ns // unit_ns * unit_ns
    return Window(start, end) if start < end else None


def relations(window: Window, view: ArchiveView, *, grouped: bool) -> str:
    """The declarations of the relations; the rows behind the archive are in `tail`, with the columns of `ROWS`.

    The window has a whole hour.
    """
    group = " AND process_group = $group" if grouped else ""
    return f"{_slots(window, view, group)},\n{_hours(window, view, group)},\n{_traces(window, view, group)}"


def _slots(window: Window, view: ArchiveView, group: str) -> str:
    rows = f"""
        SELECT
            timestamp AS slot_ns, process_group, process, (kind = 'call')::BIGINT AS calls, {_FAILED} AS errors,
            (kind = 'value')::BIGINT AS readings, (kind = 'log')::BIGINT AS logs, 1::BIGINT AS "rows",
            CASE WHEN kind = 'call' THEN duration_ns::DOUBLE END AS sum_ns,
            timestamp AS first_ns, timestamp AS last_ns
        FROM ({_edges(window, view, SLOT, group)})"""
    rolled = (
        f'slot * {SLOT} AS slot_ns, process_group, process, calls, errors, readings, logs, "rows", sum_ns, first_ns,'
        " last_ns"
    )
    slices = _whole_slices(window, view, "r_rows", SLOT, selected=rolled, group=group)
    return f"slots AS NOT MATERIALIZED ({slices} {rows})"


def _hours(window: Window, view: ArchiveView, group: str) -> str:
    rows = f"""
        SELECT
            timestamp AS hour_ns, process_group, "function", data, 1::BIGINT AS calls, {_FAILED} AS errors,
            duration_ns::DOUBLE AS sum_ns, timestamp AS last_ns,
            CASE WHEN duration_ns IS NOT NULL THEN [{BUCKET}] END AS keys,
            CASE WHEN duration_ns IS NOT NULL THEN [1::BIGINT] END AS counts, 1 AS one
        FROM ({_edges(window, view, HOUR, group)})
        WHERE kind = 'call'"""
    rolled = (
        f'slot * {HOUR} AS hour_ns, process_group, "function", data, calls, errors, sum_ns, last_ns, keys, counts,'
        " 1 AS one"
    )
    slices = _whole_slices(window, view, "r_calls", HOUR, selected=rolled, group=group)
    return f"hours AS NOT MATERIALIZED ({slices} {rows})"


def _traces(window: Window, view: ArchiveView, group: str) -> str:
    """A trace has a call in the window if its first or its last is in it, or one of the rows at the edges."""
    parts = [f"SELECT trace_id AS trace FROM ({_edges(window, view, HOUR, group)}) WHERE kind = 'call'"]
    if files := view.files("r_traces"):
        first, last = (f"({name} >= $from_ns AND {name} < $to_ns)" for name in ("first_ns", "last_ns"))
        parts.append(
            f"SELECT {mirror.hashed('trace_id')} AS trace FROM {_parquet(files)} WHERE ({first} OR {last}){group}"
        )
    return f"window_traces AS ({' UNION ALL '.join(parts)})"


def _whole_slices(window: Window, view: ArchiveView, what: str, unit_ns: int, *, selected: str, group: str) -> str:
    """The rollups of the whole slices in the window, with a UNION ALL behind them; nothing if there are none."""
    inner = whole(window, unit_ns)
    files = view.files(what, inner) if inner else []
    if not inner or not files:
        return ""
    slots = f"slot >= {inner.from_ns // unit_ns} AND slot < {inner.to_ns // unit_ns}"
    return f"SELECT {selected} FROM {_parquet(files)} WHERE {slots}{group} UNION ALL"


def _edges(window: Window, view: ArchiveView, unit_ns: int, group: str) -> str:
    """The rows of the window that are in no whole slice, or behind the archive."""
    inner = whole(window, unit_ns)
    edges = [Window(window.from_ns, inner.from_ns), Window(inner.to_ns, window.to_ns)] if inner else [window]
    edges = [edge for edge in edges if edge.from_ns < edge.to_ns]
    columns = ", ".join(
        f'{mirror.hashed(name)} AS "{name}"' if name in mirror.IDS else f'"{name}"' for name in ROWS.reads["rows_"]
    )
    parts = ["SELECT * FROM tail"]
    if edges and (files := view.files("rows", *edges)):
        times = " OR ".join(f"(timestamp >= {edge.from_ns} AND timestamp < {edge.to_ns})" for edge in edges)
        parts.append(f"SELECT {columns} FROM {_parquet(files)} WHERE ({times}){group}")
    return " UNION ALL ".join(parts)


def _parquet(files: Sequence[str]) -> str:
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in files)
    return f"read_parquet([{names}])"
