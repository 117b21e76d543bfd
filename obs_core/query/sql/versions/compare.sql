-- Answers: the measures of the calls of two versions of one function, and how many calls of each exceed the
--   percentiles of the other.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), function VARCHAR, codes VARCHAR (ids of its recorded sources, separated by commas),
--   keys VARCHAR (the version of each: 0 older, 1 newer)
-- Reads: calls(function, data, code_id, status, timestamp, duration_ns)
-- Returns: version BIGINT, calls BIGINT, errors BIGINT, timed BIGINT, mean_ms DOUBLE, p50_ms DOUBLE, p95_ms DOUBLE, p99_ms DOUBLE,
--   first_ns BIGINT, last_ns BIGINT, above_p50 BIGINT (calls above the other's P50), above_p95 BIGINT, above_p99 BIGINT
WITH mine AS (
    SELECT versions.version, status, timestamp, duration_ns
    FROM calls
    JOIN (
        SELECT
            TRY_CAST(unnest(string_split($codes, ',')) AS BIGINT) AS code_id,
            TRY_CAST(unnest(string_split($keys, ',')) AS BIGINT) AS version
    ) AS versions ON versions.code_id = calls.code_id
    WHERE {function_name} = $function
),
sides AS (
    SELECT
        version, count(*) AS calls, count(*) FILTER (WHERE status = 'ERROR') AS errors, count(duration_ns) AS timed,
        avg(duration_ns) AS mean_ns,
        quantile_cont(duration_ns, 0.5) AS p50_ns,
        quantile_cont(duration_ns, 0.95) AS p95_ns,
        quantile_cont(duration_ns, 0.99) AS p99_ns,
        min(timestamp) AS first_ns, max(timestamp) AS last_ns
    FROM mine
    GROUP BY version
),
beyond AS (
    SELECT
        mine.version,
        count(*) FILTER (WHERE duration_ns > other.p50_ns) AS above_p50,
        count(*) FILTER (WHERE duration_ns > other.p95_ns) AS above_p95,
        count(*) FILTER (WHERE duration_ns > other.p99_ns) AS above_p99
    FROM mine
    JOIN sides AS other ON other.version <> mine.version
    GROUP BY mine.version
)
SELECT
    sides.version, calls, errors, timed, mean_ns / 1e6 AS mean_ms,
    p50_ns / 1e6 AS p50_ms, p95_ns / 1e6 AS p95_ms, p99_ns / 1e6 AS p99_ms, first_ns, last_ns,
    coalesce(above_p50, 0) AS above_p50, coalesce(above_p95, 0) AS above_p95, coalesce(above_p99, 0) AS above_p99
FROM sides
LEFT JOIN beyond ON beyond.version = sides.version
ORDER BY sides.version
