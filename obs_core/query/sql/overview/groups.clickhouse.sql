-- Twin of overview/groups for ClickHouse.
WITH counted AS (
    SELECT
        process_group, count() AS row_count, count() AS call_count, countIf(status = 'ERROR') AS error_count,
        quantileExactInclusive(0.95)(duration_ns) / 1e6 AS p95, sum(duration_ns) / 1e6 AS impact
    FROM calls GROUP BY process_group
    UNION ALL
    SELECT process_group, count(), toUInt64(0), toUInt64(0), NULL, NULL FROM logs GROUP BY process_group
)
SELECT
    process_group, sum(row_count) AS "rows", sum(call_count) AS calls, sum(error_count) AS errors,
    sum(error_count) / nullIf(sum(call_count), 0) AS error_rate, max(p95) AS p95_ms, max(impact) AS impact_ms
FROM counted
GROUP BY process_group
ORDER BY "rows" DESC, process_group
