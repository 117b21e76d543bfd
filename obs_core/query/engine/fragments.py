"""SQL that several questions share, written once: a `{name}` in an SQL file is replaced by its fragment.

`{function_name}` is the name that a call goes by: its function or, if none was recorded, its span's name.
`{alias.function_name}` is the same of the table `alias`.

`{children_time}` are the common table expressions that self time needs. They read `calls` and `mine`, the calls of
interest (id, trace_id, span_id, timestamp, duration_ns); `covered` has for each of `mine` with timed children the union
of their intervals, each clipped to the call: parent_id, covered_ns. Self time is the duration without that, the rule of
Jaeger's trace statistics.
"""

import re
from typing import Final

_FUNCTION_NAME: Final = re.compile(r"\{(?:(\w+)\.)?function_name\}")

# Clipped to the parent and counted from its start, the times fit into 64 bits, whatever the clocks say.
_CHILDREN_TIME: Final = """spent AS (
    SELECT
        parent.id AS parent_id,
        least(greatest(child.timestamp::HUGEINT - parent.timestamp, 0), parent.duration_ns)::BIGINT AS start_ns,
        greatest(
            least(child.timestamp::HUGEINT - parent.timestamp + child.duration_ns, parent.duration_ns), 0
        )::BIGINT AS end_ns
    FROM calls AS child
    JOIN mine AS parent ON parent.trace_id = child.trace_id AND parent.span_id = child.parent_span_id
    WHERE child.duration_ns IS NOT NULL AND parent.duration_ns > 0 AND child.id <> parent.id
),
reached AS (
    SELECT
        parent_id, start_ns, end_ns,
        max(end_ns) OVER (
            PARTITION BY parent_id ORDER BY start_ns ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before_ns
    FROM spent
),
covered AS (
    SELECT parent_id, sum(greatest(end_ns - greatest(start_ns, coalesce(before_ns, 0)), 0)) AS covered_ns
    FROM reached
    GROUP BY parent_id
)"""


def function_name(alias: str = "") -> str:
    """SQL for the name that a call goes by; `alias` is its table, where a statement has several."""
    of = f"{alias}." if alias else ""
    return f"coalesce(nullif({of}\"function\", ''), {of}data)"


def expanded(statement: str) -> str:
    """The statement with its fragments in place."""
    statement = statement.replace("{children_time}", _CHILDREN_TIME)
    return _FUNCTION_NAME.sub(lambda match: function_name(match[1] or ""), statement)
