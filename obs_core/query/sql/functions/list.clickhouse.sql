-- Twin of functions/list for ClickHouse.
SELECT
    groupArray(name) AS functions, groupArray(part_group) AS process_groups, groupArray(part_calls) AS calls,
    groupArray(part_errors) AS errors, groupArray(p95) AS p95_ms, groupArray(total) AS total_ms
FROM (
    SELECT
        {function_name} AS name, ifNull(process_group, '') AS part_group, count() AS part_calls,
        countIf(status = 'ERROR') AS part_errors,
        ifNull(quantileExactInclusive(0.95)(duration_ns) / 1e6, nan) AS p95,
        ifNull(sum(duration_ns) / 1e6, nan) AS total
    FROM calls
    GROUP BY name, part_group
    ORDER BY name, part_group
)
