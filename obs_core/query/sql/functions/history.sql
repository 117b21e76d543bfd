-- Answers: calls, errors and percentiles of one function (or all) per slice of time.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), function VARCHAR, first BIGINT (number of the first slice since 1970), step_ns BIGINT, buckets BIGINT
-- Reads: calls(function, data, timestamp, status, duration_ns)
-- Returns: bucket_ns BIGINT, calls BIGINT, errors BIGINT, p50_ms DOUBLE, p95_ms DOUBLE, p99_ms DOUBLE
SELECT
    greatest(($first + slices.slice)::HUGEINT * $step_ns, -9223372036854775808)::BIGINT AS bucket_ns,
    coalesce(counted.calls, 0) AS calls,
    coalesce(counted.errors, 0) AS errors,
    counted.p[1] / 1e6 AS p50_ms, counted.p[2] / 1e6 AS p95_ms, counted.p[3] / 1e6 AS p99_ms
FROM range($buckets) AS slices(slice)
LEFT JOIN (
    SELECT
        timestamp // $step_ns - (timestamp % $step_ns < 0)::BIGINT - $first AS slice,
        count(*) AS calls,
        count(*) FILTER (WHERE status = 'ERROR') AS errors,
        quantile_cont(duration_ns, [0.5, 0.95, 0.99]) AS p
    FROM calls
    WHERE $function IS NULL OR {function_name} = $function
    GROUP BY slice
) AS counted ON counted.slice = slices.slice
ORDER BY bucket_ns
