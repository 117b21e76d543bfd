-- Answers: how many calls started and how many of them failed, per slice of time; a slice without calls has 0.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), origin_ns BIGINT, step_ns BIGINT, buckets BIGINT
-- Reads: calls(timestamp, status)
-- Returns: bucket_ns BIGINT, calls BIGINT, errors BIGINT, error_rate DOUBLE
SELECT
    $origin_ns + slices.slice * $step_ns AS bucket_ns,
    coalesce(counted.calls, 0) AS calls,
    coalesce(counted.errors, 0) AS errors,
    coalesce(counted.errors / counted.calls, 0) AS error_rate
FROM range($buckets) AS slices(slice)
LEFT JOIN (
    SELECT
        (timestamp - $origin_ns) // $step_ns AS slice,
        count(*) AS calls,
        count(*) FILTER (WHERE status = 'ERROR') AS errors
    FROM calls
    GROUP BY slice
) AS counted ON counted.slice = slices.slice
ORDER BY bucket_ns
