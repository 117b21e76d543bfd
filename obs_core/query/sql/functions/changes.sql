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
    WHERE {part({function_name})}
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

-- Rollup
WITH named AS NOT MATERIALIZED (SELECT *, {function_name} AS name FROM totals),
{sketches(named by name, process_group, earlier)},
compared AS (
    SELECT
        name, process_group,
        coalesce(sum(calls) FILTER (WHERE NOT earlier), 0)::BIGINT AS calls,
        coalesce(sum(calls) FILTER (WHERE earlier), 0)::BIGINT AS calls_before,
        coalesce(sum(errors) FILTER (WHERE NOT earlier), 0)::BIGINT AS errors,
        coalesce(sum(errors) FILTER (WHERE earlier), 0)::BIGINT AS errors_before,
        sum(sum_ns) FILTER (WHERE NOT earlier) AS total_ns,
        coalesce(sum(timed) FILTER (WHERE NOT earlier), 0)::BIGINT AS timed,
        coalesce(sum(timed) FILTER (WHERE earlier), 0)::BIGINT AS timed_before
    FROM named
    GROUP BY name, process_group
),
limits AS (
    -- The P95 of each side, its bucket, and the share of the side's calls in this bucket that are above it.
    SELECT
        name, process_group, earlier, {percentile(0.95)} AS p95_ns,
        min(key) FILTER (up_to > floor(0.95 * (total - 1))) AS key,
        (min(up_to) FILTER (up_to > floor(0.95 * (total - 1))) - 1 - any_value(floor(0.95 * (total - 1))))
            / arg_min(n, key) FILTER (up_to > floor(0.95 * (total - 1))) AS above
    FROM ranked
    GROUP BY name, process_group, earlier
),
slowed AS (
    SELECT
        mine.name, mine.process_group, mine.earlier,
        round(sum(CASE WHEN mine.key > other.key THEN n WHEN mine.key = other.key THEN n * other.above ELSE 0 END))::BIGINT
            AS slower
    FROM ranked AS mine
    JOIN limits AS other
        ON other.name = mine.name AND other.process_group IS NOT DISTINCT FROM mine.process_group
        AND other.earlier <> mine.earlier
    GROUP BY ALL
),
sides AS (
    SELECT limits.*, slower
    FROM limits
    LEFT JOIN slowed
        ON slowed.name = limits.name AND slowed.process_group IS NOT DISTINCT FROM limits.process_group
        AND slowed.earlier = limits.earlier
)
SELECT
    compared.process_group, compared.name AS function, calls, calls_before, errors, errors_before,
    now.p95_ns / 1e6 AS p95_ms, before.p95_ns / 1e6 AS p95_before_ms, total_ns / 1e6 AS total_ms, timed, timed_before,
    CASE WHEN now.p95_ns <> before.p95_ns THEN now.slower ELSE 0 END AS slower,
    CASE WHEN now.p95_ns <> before.p95_ns THEN before.slower ELSE 0 END AS slower_before
FROM compared
LEFT JOIN sides AS now
    ON now.name = compared.name AND now.process_group IS NOT DISTINCT FROM compared.process_group AND NOT now.earlier
LEFT JOIN sides AS before
    ON before.name = compared.name AND before.process_group IS NOT DISTINCT FROM compared.process_group
    AND before.earlier
ORDER BY total_ms DESC NULLS LAST, compared.process_group, compared.name
