-- Answers: how often each function (or span name) was called, how it failed, how long it took and how much of that it
--   spent in itself: its duration without the union of its children's intervals, each clipped to the call.
-- Reach: analytical
-- Parameters: in_group VARCHAR (null: all), function VARCHAR (null: all), by_data BOOLEAN
-- Reads: calls(id, process_group, function, data, status, duration_ns, memory_delta, timestamp, trace_id, span_id, parent_span_id)
-- Returns: process_group VARCHAR, function VARCHAR, calls BIGINT, errors BIGINT, error_rate DOUBLE, mean_ms DOUBLE,
--   p50_ms DOUBLE, p95_ms DOUBLE, p99_ms DOUBLE, min_ms DOUBLE, max_ms DOUBLE, self_ms DOUBLE, memory_mean DOUBLE,
--   timed BIGINT, total_ms DOUBLE
WITH spent AS (
    SELECT
        parent.id AS parent_id,
        -- Clipped to the parent and counted from its start, 64 bits hold them, whatever the clocks say.
        least(greatest(child.timestamp::HUGEINT - parent.timestamp, 0), parent.duration_ns)::BIGINT AS start_ns,
        greatest(
            least(child.timestamp::HUGEINT - parent.timestamp + child.duration_ns, parent.duration_ns), 0
        )::BIGINT AS end_ns
    FROM calls AS child
    JOIN calls AS parent ON parent.trace_id = child.trace_id AND parent.span_id = child.parent_span_id
    WHERE child.duration_ns IS NOT NULL AND parent.duration_ns > 0 AND child.id <> parent.id
        AND ($in_group IS NULL OR parent.process_group = $in_group)
        AND ($function IS NULL OR (
            CASE WHEN $by_data THEN parent.data ELSE coalesce(nullif(parent."function", ''), parent.data) END
        ) = $function)
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
)
SELECT
    process_group,
    CASE WHEN $by_data THEN data ELSE coalesce(nullif("function", ''), data) END AS function,
    count(*) AS calls,
    count(*) FILTER (WHERE status = 'ERROR') AS errors,
    count(*) FILTER (WHERE status = 'ERROR') / count(*) AS error_rate,
    avg(duration_ns) / 1e6 AS mean_ms,
    quantile_cont(duration_ns, 0.5) / 1e6 AS p50_ms,
    quantile_cont(duration_ns, 0.95) / 1e6 AS p95_ms,
    quantile_cont(duration_ns, 0.99) / 1e6 AS p99_ms,
    min(duration_ns) / 1e6 AS min_ms,
    max(duration_ns) / 1e6 AS max_ms,
    sum(greatest(duration_ns - coalesce(covered_ns, 0), 0)) FILTER (WHERE duration_ns IS NOT NULL) / 1e6 AS self_ms,
    avg(memory_delta) AS memory_mean,
    count(duration_ns) AS timed,
    sum(duration_ns) / 1e6 AS total_ms
FROM calls
LEFT JOIN covered ON covered.parent_id = calls.id
WHERE ($in_group IS NULL OR process_group = $in_group)
    AND ($function IS NULL OR (CASE WHEN $by_data THEN data ELSE coalesce(nullif("function", ''), data) END) = $function)
GROUP BY ALL
ORDER BY 1, 2
