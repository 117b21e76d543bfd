-- Twin of inspector/measures for ClickHouse.
WITH mine AS (
    SELECT
        id, process_group, status, duration_ns, timestamp, trace_id, span_id, timestamp < {split_ns:Int64} AS earlier
    FROM calls
    WHERE {function_name} = {function:Nullable(String)}
      AND ({in_group:Nullable(String)} IS NULL OR process_group = {in_group:Nullable(String)})
),
{children_time},
sides AS (
    SELECT
        earlier, NOT earlier AS later, count() AS side_calls, countIf(status = 'ERROR') AS side_errors,
        count(mine.duration_ns) AS timed,
        avg(mine.duration_ns) AS mean_ns, stddevSampStable(mine.duration_ns) AS deviation_ns,
        quantileExactInclusive(0.5)(mine.duration_ns) AS p50_ns,
        quantileExactInclusive(0.95)(mine.duration_ns) AS p95_ns,
        quantileExactInclusive(0.99)(mine.duration_ns) AS p99_ns,
        min(mine.duration_ns) AS min_ns, max(mine.duration_ns) AS max_ns, sum(mine.duration_ns) AS total_ns,
        sum(if(
            isNull(mine.duration_ns), NULL, greatest(assumeNotNull(mine.duration_ns) - ifNull(covered.covered_ns, 0), 0)
        )) AS self_ns,
        arraySort(groupUniqArray(ifNull(process_group, ''))) AS process_groups
    FROM mine
    LEFT JOIN covered ON covered.trace_id = mine.trace_id AND covered.span_id = mine.span_id
    GROUP BY earlier
),
beyond AS (
    SELECT
        mine.earlier AS earlier,
        countIf(duration_ns > other.p50_ns) AS above_p50,
        countIf(duration_ns > other.p95_ns) AS above_p95,
        countIf(duration_ns > other.p99_ns) AS above_p99
    FROM mine
    JOIN sides AS other ON other.later = mine.earlier
    GROUP BY mine.earlier
)
SELECT
    toBool(sides.earlier) AS earlier, side_calls AS calls, side_errors AS errors, timed, toInt64(0) AS measured,
    mean_ns / 1e6 AS mean_ms, deviation_ns / 1e6 AS deviation_ms,
    p50_ns / 1e6 AS p50_ms, p95_ns / 1e6 AS p95_ms, p99_ns / 1e6 AS p99_ms, min_ns / 1e6 AS min_ms,
    max_ns / 1e6 AS max_ms, total_ns / 1e6 AS total_ms, self_ns / 1e6 AS self_ms,
    CAST(NULL AS Nullable(Float64)) AS memory_mean, CAST(NULL AS Nullable(Float64)) AS memory_deviation,
    CAST(NULL AS Nullable(Float64)) AS memory_p95, process_groups,
    ifNull(beyond.above_p50, 0) AS above_p50, ifNull(beyond.above_p95, 0) AS above_p95,
    ifNull(beyond.above_p99, 0) AS above_p99
FROM sides
LEFT JOIN beyond ON beyond.earlier = sides.earlier
ORDER BY sides.earlier DESC
