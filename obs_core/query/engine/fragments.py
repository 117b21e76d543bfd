"""SQL that several questions share, written once: a `{name}` in an SQL file is replaced by its fragment.

`{function_name}` is the name of a call: its function or, if none was recorded, its span name.
`{alias.function_name}` is the same of the table `alias`.

`{cut(column)}` is a text column with at most `:longest` characters, `{has_attributes}` says whether a row has
attributes; both are SQLite's.

`{part(column, …)}` is true, or, if the question is answered in parts, for the rows of one part (see `parts`).

`{severity}` is the severity number of a log record (OpenTelemetry, 1 to 24), null if it has none.

`{sort_key}` is what pages are sorted by (see `filters.paging`): the column `:sort`. What is unknown comes last in
both orders.

`{readings}` are the common table expressions that make readings comparable. They read `picked`, the values of interest
(data_type, data_value, attributes and more); `readings` has them, without the missing ones if `$skip_missing`. Two are
equal if `type`, `number` and `other` are, unless one is `incomparable`.

`{children_time}` are the common table expressions that self time needs. They read `calls` and `mine`, the calls of
interest (id, trace_id, span_id, timestamp, duration_ns); `covered` has for each of `mine` with timed children the union
of their intervals, each clipped to the call: parent_id, covered_ns. Self time is the duration without that, the rule of
Jaeger's trace statistics.

`{sketches(relation by column, …)}` are the common table expressions that percentiles from sketches need, of a relation
with the columns `keys` and `counts` (`archive.rollups`): `ranked` has their buckets. `{percentile(0.95)}` is a
percentile of `ranked`, grouped by these columns: linear between the values of the buckets. Its share is a number, or a
column by which it is grouped too. `{memory_value}` is the memory that the bucket `key` represents.
"""

import re
from typing import Final

from obs_core.archive.rollups import BUCKET_NS, MEMORY_VALUE

_FUNCTION_NAME: Final = re.compile(r"\{(?:(\w+)\.)?function_name\}")
_SKETCHES: Final = re.compile(r"\{sketches\((\w+) by ([\w, ]+)\)\}")
_PERCENTILE: Final = re.compile(r"\{percentile\((0\.\d+|\w+)\)\}")
_PART: Final = re.compile(r"\{part\((.+?)\)\}")
_CUT: Final = re.compile(r"\{cut\((\w+)\)\}")
# The length of a text ends at a NUL, the length of a BLOB does not.
_CUT_SQL: Final = r"CASE WHEN length(CAST(\1 AS BLOB)) > :longest THEN substr(\1, 1, :longest) ELSE \1 END AS \1"
# The first case is what our own writers write; it needs no parse.
_HAS_ATTRIBUTES: Final = """CASE
        WHEN substr(attributes, 1, 17) = '{"attributes": {"' THEN 1
        WHEN json_valid(attributes) THEN EXISTS (SELECT 1 FROM json_each(attributes, '$.attributes'))
        ELSE coalesce(attributes, '') <> ''
    END AS has_attributes"""

SEVERITY: Final = """CASE WHEN kind = 'log' AND json_valid(attributes)
        AND json_type(attributes, '$.severity_number') = 'integer'
        THEN nullif(json_extract(attributes, '$.severity_number'), 0) END"""

_SORT_KEY: Final = """CASE :sort
        WHEN 'time' THEN timestamp
        WHEN 'status' THEN CASE status WHEN 'ERROR' THEN 2 WHEN 'UNSET' THEN 1 ELSE 0 END
        WHEN 'duration'
            THEN coalesce(duration_ns, CASE WHEN :descending THEN -9223372036854775808 ELSE 9223372036854775807 END)
        ELSE coalesce(
            nullif(substr(CASE :sort
                WHEN 'process' THEN process WHEN 'data' THEN data WHEN 'data_type' THEN data_type ELSE exception
            END, 1, 200), ''),
            CASE WHEN :descending THEN '' ELSE char(1114111) END
        )
    END AS sort_key"""

_SKETCHES_SQL: Final = rf"""buckets AS (
    SELECT \2, key, sum(n) AS n
    FROM (SELECT \2, unnest(keys) AS key, unnest(counts) AS n FROM \1)
    GROUP BY \2, key
),
ranked AS (
    SELECT
        *, {BUCKET_NS} AS value_ns, sum(n) OVER (PARTITION BY \2 ORDER BY key) AS up_to,
        sum(n) OVER (PARTITION BY \2) AS total
    FROM buckets
)"""
_RANK: Final = r"(\1 * (total - 1))"
_PERCENTILE_SQL: Final = (
    rf"(min(value_ns) FILTER (up_to > floor({_RANK})) + any_value({_RANK} - floor({_RANK})) *"
    rf" (min(value_ns) FILTER (up_to > ceil({_RANK})) - min(value_ns) FILTER (up_to > floor({_RANK}))))"
)

_READINGS: Final = r"""texts AS (
    -- repr() wraps the numbers of NumPy and decimal: np.float64(1.5), Decimal('1.5').
    SELECT
        * EXCLUDE (data_type, data_value), data_value AS reading, coalesce(data_type, '') AS type,
        -- A text of more than 65,536 bytes was cut (`long_cells.analysed`), or is read whole.
        coalesce(regexp_matches(attributes, '"obs\.value\.incomparable": ?true'), false)
            OR coalesce(ends_with(reading, ' bytes in all]') OR strlen(reading) > 65536, false) AS incomparable,
        CASE
            WHEN incomparable OR NOT regexp_matches(
                type,
                '^([A-Za-z_]+\.)*'
                    '([Uu]?[Ii]nt|[Ff]loat|[Dd]ouble|[Dd]ecimal|[Rr]eal|[Nn]um|INT|FLOAT|DOUBLE|REAL|NUM|$)'
            ) THEN NULL
            WHEN ends_with(reading, ')')
            THEN regexp_extract(reading, '^(?:np\.[a-z0-9]+|Decimal)\(''?([^'')]*)''?\)$', 1)
            ELSE reading
        END AS digits
    FROM picked
),
typed AS (
    SELECT
        *, TRY_CAST(digits AS DOUBLE) AS number,
        NOT incomparable AND (
            type = 'NoneType'
            OR reading IS NULL
            OR (reading = '' AND type NOT IN ('str', 'bytes', 'string'))
            OR coalesce(isnan(number), false)
        ) AS missing
    FROM texts
),
readings AS (
    -- Integers beyond 2^53, which share doubles, are compared by their digits.
    SELECT
        * EXCLUDE (attributes, digits),
        coalesce(
            CASE WHEN NOT coalesce(isnan(number), false)
            THEN nullif(regexp_extract(attributes, '"obs\.value\.hash": ?"([0-9a-f]+)"', 1), '') END,
            CASE WHEN number IS NULL
                OR (abs(number) >= 9007199254740992 AND regexp_full_match(digits, '[+-]?\d+')) THEN reading END
        ) AS other
    FROM typed
    WHERE NOT ($skip_missing AND missing)
)"""

# Clipped to the parent and counted from its start, the times fit into 64 bits, also with wrong clocks.
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
    """SQL for the name of a call; `alias` is its table, if a statement has several."""
    of = f"{alias}." if alias else ""
    return f"coalesce(nullif({of}\"function\", ''), {of}data)"


def expanded(statement: str) -> str:
    """The statement with its fragments in place."""
    statement = statement.replace("{children_time}", _CHILDREN_TIME).replace("{has_attributes}", _HAS_ATTRIBUTES)
    statement = statement.replace("{readings}", _READINGS)
    statement = statement.replace("{sort_key}", _SORT_KEY).replace("{severity}", f"{SEVERITY} AS severity")
    statement = _CUT.sub(_CUT_SQL, statement)
    statement = _SKETCHES.sub(_SKETCHES_SQL, statement)
    statement = statement.replace("{memory_value}", MEMORY_VALUE)
    statement = _PERCENTILE.sub(_PERCENTILE_SQL, statement)
    statement = _FUNCTION_NAME.sub(lambda match: function_name(match[1] or ""), statement)
    return _PART.sub(r"true /* part(\1) */", statement)
