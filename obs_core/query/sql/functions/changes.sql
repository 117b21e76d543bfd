-- Answers: each function's calls, errors and P95 before `split_ns` and from then on.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), split_ns BIGINT
-- Reads: calls(process_group, function, data, status, duration_ns, timestamp)
-- Returns: process_group VARCHAR, function VARCHAR, calls BIGINT, calls_before BIGINT, errors BIGINT,
--   errors_before BIGINT, p95_ms DOUBLE, p95_before_ms DOUBLE, total_ms DOUBLE, timed BIGINT, timed_before BIGINT,
--   slower BIGINT (calls above the P95 before; 0 if both are equal), slower_before BIGINT (calls before above the P95 now)
WITH sided AS (
    SELECT
        process_group, {function_name} AS function, status, duration_ns,
        timestamp < $split_ns AS earlier
    FROM calls
),
compared AS (
    SELECT
        process_group, function,
        count(*) FILTER (WHERE NOT earlier) AS calls,
        count(*) FILTER (WHERE earlier) AS calls_before,
        count(*) FILTER (WHERE NOT earlier AND status = 'ERROR') AS errors,
        count(*) FILTER (WHERE earlier AND status = 'ERROR') AS errors_before,
        quantile_cont(duration_ns, 0.95) FILTER (WHERE NOT earlier) AS p95_ns,
        quantile_cont(duration_ns, 0.95) FILTER (WHERE earlier) AS p95_before_ns,
        sum(duration_ns) FILTER (WHERE NOT earlier) AS total_ns,
        count(duration_ns) FILTER (WHERE NOT earlier) AS timed,
        count(duration_ns) FILTER (WHERE earlier) AS timed_before
    FROM sided
    GROUP BY process_group, function
),
slowed AS (
    SELECT
        sided.process_group, sided.function,
        count(*) FILTER (WHERE NOT earlier AND duration_ns > p95_before_ns) AS slower,
        count(*) FILTER (WHERE earlier AND duration_ns > p95_ns) AS slower_before
    FROM sided
    JOIN compared
        ON compared.process_group IS NOT DISTINCT FROM sided.process_group AND compared.function = sided.function
    -- Functions without calls on both sides, or with the same P95, need no second read.
    WHERE p95_ns <> p95_before_ns
    GROUP BY ALL
)
SELECT
    compared.process_group, compared.function, calls, calls_before, errors, errors_before,
    p95_ns / 1e6 AS p95_ms, p95_before_ns / 1e6 AS p95_before_ms, total_ns / 1e6 AS total_ms, timed, timed_before,
    coalesce(slower, 0) AS slower, coalesce(slower_before, 0) AS slower_before
FROM compared
LEFT JOIN slowed
    ON slowed.process_group IS NOT DISTINCT FROM compared.process_group AND slowed.function = compared.function
ORDER BY total_ms DESC NULLS LAST, compared.process_group, compared.function
