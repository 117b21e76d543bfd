-- Answers: the calls that started and how many of them failed, per slice of time; 0 for a slice without calls.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), first BIGINT (number of the first slice since 1970), step_ns BIGINT, buckets BIGINT
-- Reads: calls(timestamp, status)
-- Returns: bucket_ns BIGINT, calls BIGINT, errors BIGINT, error_rate DOUBLE
SELECT
    greatest(($first + slices.slice)::HUGEINT * $step_ns, -9223372036854775808)::BIGINT AS bucket_ns,
    coalesce(counted.calls, 0) AS calls,
    coalesce(counted.errors, 0) AS errors,
    coalesce(counted.errors / counted.calls, 0) AS error_rate
FROM range($buckets) AS slices(slice)
LEFT JOIN (
    SELECT
        timestamp // $step_ns - (timestamp % $step_ns < 0)::BIGINT - $first AS slice,
        count(*) AS calls,
        count(*) FILTER (WHERE status = 'ERROR') AS errors
    FROM calls
    GROUP BY slice
) AS counted ON counted.slice = slices.slice
ORDER BY bucket_ns

-- Rollup
SELECT
    greatest(($first + slices.slice)::HUGEINT * $step_ns, -9223372036854775808)::BIGINT AS bucket_ns,
    coalesce(counted.calls, 0)::BIGINT AS calls,
    coalesce(counted.errors, 0)::BIGINT AS errors,
    coalesce(counted.errors / counted.calls, 0) AS error_rate
FROM range($buckets) AS slices(slice)
LEFT JOIN (
    SELECT
        slot_ns // $step_ns - (slot_ns % $step_ns < 0)::BIGINT - $first AS slice,
        sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors
    FROM slots
    GROUP BY slice
    HAVING sum(calls) > 0
) AS counted ON counted.slice = slices.slice
ORDER BY bucket_ns
