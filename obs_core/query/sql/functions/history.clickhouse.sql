-- Twin of functions/history for ClickHouse.
SELECT
    ({first:Int64} + slices.slice) * {step_ns:Int64} AS bucket_ns,
    ifNull(counted.calls, 0) AS calls,
    ifNull(counted.errors, 0) AS errors,
    counted.p50 / 1e6 AS p50_ms, counted.p95 / 1e6 AS p95_ms, counted.p99 / 1e6 AS p99_ms
FROM (SELECT toInt64(number) AS slice FROM numbers({buckets:UInt64})) AS slices
LEFT JOIN (
    SELECT slice, calls, errors, p[1] AS p50, p[2] AS p95, p[3] AS p99
    FROM (
        SELECT
            {slice} AS slice, count() AS calls, countIf(status = 'ERROR') AS errors,
            quantilesExactInclusive(0.5, 0.95, 0.99)(duration_ns) AS p
        FROM calls
        WHERE {function:Nullable(String)} IS NULL OR {function_name} = {function:Nullable(String)}
        GROUP BY slice
    )
) AS counted ON counted.slice = slices.slice
ORDER BY bucket_ns
