-- Answers: each function's (or span name's) calls, errors, durations, self time and memory.
-- Reach: analytical
-- Parameters: in_group VARCHAR (null: all), function VARCHAR (null: all), by_data BOOLEAN
-- Reads: calls(id, process_group, function, data, status, duration_ns, memory_delta, timestamp, trace_id, span_id, parent_span_id)
-- Returns: process_group VARCHAR, function VARCHAR, calls BIGINT, errors BIGINT, error_rate DOUBLE, mean_ms DOUBLE,
--   p50_ms DOUBLE, p95_ms DOUBLE, p99_ms DOUBLE, min_ms DOUBLE, max_ms DOUBLE, self_ms DOUBLE, memory_mean DOUBLE,
--   timed BIGINT, total_ms DOUBLE
WITH mine AS NOT MATERIALIZED (
    SELECT *, CASE WHEN $by_data THEN data ELSE {function_name} END AS name
    FROM calls
    WHERE ($in_group IS NULL OR process_group = $in_group) AND ($function IS NULL OR name = $function)
),
{children_time}
SELECT
    process_group,
    name AS function,
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
FROM mine
LEFT JOIN covered ON covered.parent_id = mine.id
GROUP BY ALL
ORDER BY 1, 2

-- Rollup
WITH named AS NOT MATERIALIZED (
    SELECT *, CASE WHEN $by_data THEN data ELSE {function_name} END AS name
    FROM measures
    WHERE ($in_group IS NULL OR process_group = $in_group) AND ($function IS NULL OR name = $function)
),
{sketches(named by process_group, name)}
SELECT
    counted.process_group, counted.name AS function, calls, errors, errors / calls AS error_rate,
    total_ns / timed / 1e6 AS mean_ms, p50_ns / 1e6 AS p50_ms, p95_ns / 1e6 AS p95_ms, p99_ns / 1e6 AS p99_ms,
    min_ns / 1e6 AS min_ms, max_ns / 1e6 AS max_ms, self_ns / 1e6 AS self_ms, memory / measured AS memory_mean, timed,
    total_ns / 1e6 AS total_ms
FROM (
    SELECT
        process_group, name, sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors, sum(timed)::BIGINT AS timed,
        sum(sum_ns) AS total_ns, min(min_ns) AS min_ns, max(max_ns) AS max_ns, sum(self_ns) AS self_ns,
        nullif(sum(measured), 0) AS measured, sum(memory) AS memory
    FROM named
    GROUP BY process_group, name
    HAVING sum(calls) > 0
) AS counted
LEFT JOIN (
    SELECT
        process_group, name, {percentile(0.5)} AS p50_ns, {percentile(0.95)} AS p95_ns, {percentile(0.99)} AS p99_ns
    FROM ranked
    GROUP BY process_group, name
) AS spread ON spread.process_group IS NOT DISTINCT FROM counted.process_group AND spread.name = counted.name
ORDER BY 1, 2
