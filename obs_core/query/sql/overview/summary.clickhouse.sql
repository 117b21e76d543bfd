-- Twin of overview/summary for ClickHouse.
SELECT
    c.calls AS calls, toInt64(0) AS "values", c.errors AS errors, c.traces AS traces,
    c.percentiles[1] / 1e6 AS p50_ms, c.percentiles[2] / 1e6 AS p95_ms, c.percentiles[3] / 1e6 AS p99_ms,
    arrayMin(arrayFilter(t -> t IS NOT NULL, [c.first_ns, l.first_ns])) AS first_ns,
    arrayMax(arrayFilter(t -> t IS NOT NULL, [c.last_ns, l.last_ns])) AS last_ns
FROM (
    SELECT
        count() AS calls,
        countIf(status = 'ERROR') AS errors,
        uniqExact(trace_id) AS traces,
        quantilesExactInclusive(0.5, 0.95, 0.99)(duration_ns) AS percentiles,
        minOrNull(timestamp) AS first_ns, maxOrNull(timestamp) AS last_ns
    FROM calls
) AS c
CROSS JOIN (SELECT minOrNull(timestamp) AS first_ns, maxOrNull(timestamp) AS last_ns FROM logs) AS l
