-- Answers: each process group's rows, calls, errors, P95 and impact (calls times mean duration).
-- Reach: analytical
-- Parameters: group VARCHAR (null: all)
-- Reads: calls(process_group, status, duration_ns), values(process_group), logs(process_group)
-- Returns: process_group VARCHAR, rows BIGINT, calls BIGINT, errors BIGINT, error_rate DOUBLE, p95_ms DOUBLE,
--   impact_ms DOUBLE
WITH counted AS (
    SELECT
        process_group, count(*) AS "rows", count(*) AS calls, count(*) FILTER (WHERE status = 'ERROR') AS errors,
        quantile_cont(duration_ns, 0.95) / 1e6 AS p95_ms, sum(duration_ns) / 1e6 AS impact_ms
    FROM calls GROUP BY process_group
    UNION ALL
    SELECT process_group, count(*), 0, 0, NULL, NULL FROM values_ GROUP BY process_group
    UNION ALL
    SELECT process_group, count(*), 0, 0, NULL, NULL FROM logs GROUP BY process_group
)
SELECT
    process_group, sum("rows")::BIGINT AS "rows", sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors,
    sum(errors) / nullif(sum(calls), 0) AS error_rate, max(p95_ms) AS p95_ms, max(impact_ms) AS impact_ms
FROM counted
GROUP BY process_group
ORDER BY "rows" DESC, process_group

-- Rollup
WITH {sketches(totals by process_group)}
SELECT
    counted.process_group, "rows", calls, errors, errors / nullif(calls, 0) AS error_rate, p95_ns / 1e6 AS p95_ms,
    sum_ns / 1e6 AS impact_ms
FROM (
    SELECT
        process_group, sum("rows")::BIGINT AS "rows", sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors,
        sum(sum_ns) AS sum_ns
    FROM slots
    GROUP BY process_group
) AS counted
LEFT JOIN (SELECT process_group, {percentile(0.95)} AS p95_ns FROM ranked GROUP BY process_group) AS spread
    ON spread.process_group IS NOT DISTINCT FROM counted.process_group
ORDER BY "rows" DESC, counted.process_group
