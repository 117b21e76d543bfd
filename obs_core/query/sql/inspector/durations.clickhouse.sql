-- Twin of inspector/durations for ClickHouse.
SELECT
    pow(10, bucket / 10) / 1e6 AS from_ms,
    pow(10, (bucket + 1) / 10) / 1e6 AS to_ms,
    count() AS calls,
    countIf(status = 'ERROR') AS errors,
    argMax(id, (duration, id)) AS slowest_id,
    max(duration) / 1e6 AS slowest_ms
FROM (
    SELECT
        id, status, assumeNotNull(duration_ns) AS duration,
        toInt32(floor(10 * log10(greatest(assumeNotNull(duration_ns), 1)))) AS bucket
    FROM calls
    WHERE duration_ns IS NOT NULL AND {function_name} = {function:Nullable(String)}
)
GROUP BY bucket
ORDER BY bucket
