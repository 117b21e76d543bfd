-- Twin of functions/performance for ClickHouse.
WITH mine AS (
    SELECT *, if({by_data:Bool}, data, {function_name}) AS name
    FROM calls
    WHERE ({in_group:Nullable(String)} IS NULL OR process_group = {in_group:Nullable(String)})
      AND ({function:Nullable(String)} IS NULL OR name = {function:Nullable(String)})
),
{children_time}
SELECT
    process_group,
    name AS "function",
    count() AS calls,
    countIf(status = 'ERROR') AS errors,
    countIf(status = 'ERROR') / count() AS error_rate,
    avg(mine.duration_ns) / 1e6 AS mean_ms,
    quantileExactInclusive(0.5)(mine.duration_ns) / 1e6 AS p50_ms,
    quantileExactInclusive(0.95)(mine.duration_ns) / 1e6 AS p95_ms,
    quantileExactInclusive(0.99)(mine.duration_ns) / 1e6 AS p99_ms,
    min(mine.duration_ns) / 1e6 AS min_ms,
    max(mine.duration_ns) / 1e6 AS max_ms,
    sum(if(
        isNull(mine.duration_ns), NULL, greatest(assumeNotNull(mine.duration_ns) - ifNull(covered.covered_ns, 0), 0)
    )) / 1e6 AS self_ms,
    CAST(NULL AS Nullable(Float64)) AS memory_mean,
    count(mine.duration_ns) AS timed,
    sum(mine.duration_ns) / 1e6 AS total_ms
FROM mine
LEFT JOIN covered ON covered.trace_id = mine.trace_id AND covered.span_id = mine.span_id
GROUP BY process_group, name
ORDER BY process_group, name
