-- Twin of overview/throughput for ClickHouse.
SELECT
    ({first:Int64} + slices.slice) * {step_ns:Int64} AS bucket_ns,
    ifNull(counted.calls, 0) AS calls,
    ifNull(counted.errors, 0) AS errors,
    ifNull(counted.errors / counted.calls, 0) AS error_rate
FROM (SELECT toInt64(number) AS slice FROM numbers({buckets:UInt64})) AS slices
LEFT JOIN (
    SELECT {slice} AS slice, count() AS calls, countIf(status = 'ERROR') AS errors
    FROM calls
    GROUP BY slice
) AS counted ON counted.slice = slices.slice
ORDER BY bucket_ns
