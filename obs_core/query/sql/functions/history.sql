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

-- Rollup
WITH sliced AS NOT MATERIALIZED (
    SELECT *, hour_ns // $step_ns - (hour_ns % $step_ns < 0)::BIGINT - $first AS slice
    FROM hours
    WHERE $function IS NULL OR {function_name} = $function
),
{sketches(sliced by slice)}
SELECT
    greatest(($first + slices.slice)::HUGEINT * $step_ns, -9223372036854775808)::BIGINT AS bucket_ns,
    coalesce(counted.calls, 0)::BIGINT AS calls,
    coalesce(counted.errors, 0)::BIGINT AS errors,
    p50_ns / 1e6 AS p50_ms, p95_ns / 1e6 AS p95_ms, p99_ns / 1e6 AS p99_ms
FROM range($buckets) AS slices(slice)
LEFT JOIN (
    SELECT slice, sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors FROM sliced GROUP BY slice
) AS counted ON counted.slice = slices.slice
LEFT JOIN (
    SELECT slice, {percentile(0.5)} AS p50_ns, {percentile(0.95)} AS p95_ns, {percentile(0.99)} AS p99_ns
    FROM ranked
    GROUP BY slice
) AS spread ON spread.slice = slices.slice
ORDER BY bucket_ns
