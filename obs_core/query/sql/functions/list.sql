-- Answers: every function (or span name without one) that was called, packed as lists: calls, errors and durations.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all)
-- Reads: calls(process_group, function, data, status, duration_ns)
-- Returns: functions VARCHAR[], process_groups VARCHAR[], calls BIGINT[], errors BIGINT[], p95_ms DOUBLE[], total_ms DOUBLE[]
SELECT
    list(name) AS functions, list(process_group) AS process_groups, list(calls) AS calls, list(errors) AS errors,
    list(p95_ms) AS p95_ms, list(total_ms) AS total_ms
FROM (
    SELECT
        {function_name} AS name, process_group, count(*) AS calls,
        count(*) FILTER (WHERE status = 'ERROR') AS errors,
        quantile_cont(duration_ns, 0.95) / 1e6 AS p95_ms,
        sum(duration_ns) / 1e6 AS total_ms
    FROM calls
    GROUP BY ALL
    ORDER BY name, process_group
)
