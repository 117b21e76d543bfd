"""Self time from rollups: what the calls behind the archive change in it.

A piece has the time of a call's children as it was known at sealing: so the window must not end before a sealed row.
The children of newer calls, and newer children of sealed ones, are in `newer_traces`: all calls of the log in traces
that have a call with an id above `$until_id`. `self_times` has the corrections (process_group, function, data, self_ns,
timestamp): newer calls were counted with their whole duration, sealed ones without their newer children.
"""

from typing import Final

from obs_core.query.engine import planner
from obs_core.query.engine.sql_file import parsed
from obs_core.store.foreign import Shape

NAMES: Final = ("measures",)
"""The relations that need it."""
_ROWS: Final = parsed(
    "newer traces",
    "-- Answers: calls\n-- Reach: analytical\n-- Returns: n BIGINT\n-- Reads: calls(id, trace_id, span_id,"
    " parent_span_id, timestamp, duration_ns, process_group, function, data)\nSELECT 1",
)
DECLARED: Final = """newer_pairs AS (
    SELECT
        parent.*, child.id AS child_id,
        least(greatest(child.timestamp::HUGEINT - parent.timestamp, 0), parent.duration_ns)::BIGINT AS start_ns,
        greatest(least(child.timestamp::HUGEINT - parent.timestamp + child.duration_ns, parent.duration_ns), 0)::BIGINT
            AS end_ns
    FROM newer_traces AS child
    JOIN newer_traces AS parent ON parent.trace_id = child.trace_id AND parent.span_id = child.parent_span_id
    WHERE child.duration_ns IS NOT NULL AND parent.duration_ns > 0 AND child.id <> parent.id
),
newer_reached AS (
    SELECT
        *, max(end_ns) OVER (
            PARTITION BY id, is_sealed ORDER BY start_ns ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before_ns
    FROM (
        SELECT *, false AS is_sealed FROM newer_pairs
        UNION ALL
        SELECT *, true FROM newer_pairs WHERE id <= $until_id AND child_id <= $until_id
    )
),
self_times AS (
    SELECT
        process_group, "function", data, timestamp,
        sum(
            CASE WHEN is_sealed THEN 1 ELSE -1 END
            * greatest(end_ns - greatest(start_ns, coalesce(before_ns, 0)), 0)::DOUBLE
        ) AS self_ns
    FROM newer_reached
    GROUP BY ALL
)"""


def newer_traces(shape: Shape, *, repaired: bool) -> str:
    """The declaration of `newer_traces`, the calls in the window of traces with a call behind the archive."""
    rows = planner.sqlite_query(_ROWS, shape, grouped=False, repaired=repaired, indexed=True, of_newer_traces=True)
    inner = rows.partition(" (")[2].removesuffix(")")
    return f"newer_traces AS MATERIALIZED (SELECT * FROM ({inner}) WHERE is_call)"
