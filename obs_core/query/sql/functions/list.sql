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

-- Rollup
WITH named AS NOT MATERIALIZED (SELECT *, {function_name} AS name FROM totals),
{sketches(named by name, process_group)}
SELECT
    list(name) AS functions, list(process_group) AS process_groups, list(calls) AS calls, list(errors) AS errors,
    list(p95_ms) AS p95_ms, list(total_ms) AS total_ms
FROM (
    SELECT counted.*, p95_ns / 1e6 AS p95_ms
    FROM (
        SELECT
            name, process_group, sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors,
            sum(sum_ns) / 1e6 AS total_ms
        FROM named
        GROUP BY name, process_group
    ) AS counted
    LEFT JOIN (
        SELECT name, process_group, {percentile(0.95)} AS p95_ns FROM ranked GROUP BY name, process_group
    ) AS spread ON spread.name = counted.name AND spread.process_group IS NOT DISTINCT FROM counted.process_group
    ORDER BY counted.name, counted.process_group
)
