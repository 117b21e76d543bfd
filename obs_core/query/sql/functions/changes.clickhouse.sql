-- Twin of functions/changes for ClickHouse.
WITH sided AS (
    SELECT
        process_group, {function_name} AS name, status, duration_ns, timestamp < {split_ns:Int64} AS earlier
    FROM calls
),
compared AS (
    SELECT
        process_group, name,
        countIf(NOT earlier) AS calls_now,
        countIf(earlier) AS calls_before,
        countIf(NOT earlier AND status = 'ERROR') AS errors_now,
        countIf(earlier AND status = 'ERROR') AS errors_before,
        quantileExactInclusiveIf(0.95)(duration_ns, NOT earlier) AS p95_ns,
        quantileExactInclusiveIf(0.95)(duration_ns, earlier) AS p95_before_ns,
        sumIf(duration_ns, NOT earlier) AS total_ns,
        countIf(duration_ns IS NOT NULL AND NOT earlier) AS timed,
        countIf(duration_ns IS NOT NULL AND earlier) AS timed_before
    FROM sided
    GROUP BY process_group, name
),
slowed AS (
    SELECT
        sided.process_group AS process_group, sided.name AS name,
        countIf(NOT earlier AND duration_ns > p95_before_ns) AS slower,
        countIf(earlier AND duration_ns > p95_ns) AS slower_before
    FROM sided
    JOIN compared ON compared.process_group = sided.process_group AND compared.name = sided.name
    WHERE p95_ns <> p95_before_ns
    GROUP BY sided.process_group, sided.name
)
SELECT
    compared.process_group AS process_group, compared.name AS "function", calls_now AS calls, calls_before,
    errors_now AS errors, errors_before,
    p95_ns / 1e6 AS p95_ms, p95_before_ns / 1e6 AS p95_before_ms, total_ns / 1e6 AS total_ms, timed, timed_before,
    ifNull(slowed.slower, 0) AS slower, ifNull(slowed.slower_before, 0) AS slower_before
FROM compared
LEFT JOIN slowed ON slowed.process_group = compared.process_group AND slowed.name = compared.name
ORDER BY total_ms DESC NULLS LAST, process_group, "function"
