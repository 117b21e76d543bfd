-- Answers: the measures of one function before `split_ns` and from then on, a row each, and how many calls of each exceed
--   the percentiles of the other.
-- Reach: analytical
-- Parameters: in_group VARCHAR (null: all), function VARCHAR, split_ns BIGINT
-- Reads: calls(id, process_group, function, data, status, duration_ns, memory_delta, timestamp, trace_id, span_id, parent_span_id)
-- Returns: earlier BOOLEAN, calls BIGINT, errors BIGINT, timed BIGINT, measured BIGINT (calls with measured memory),
--   mean_ms DOUBLE, deviation_ms DOUBLE, p50_ms DOUBLE, p95_ms DOUBLE, p99_ms DOUBLE, min_ms DOUBLE, max_ms DOUBLE, total_ms DOUBLE,
--   self_ms DOUBLE, memory_mean DOUBLE, memory_deviation DOUBLE, memory_p95 DOUBLE, process_groups VARCHAR[],
--   above_p50 BIGINT (calls above the other's P50), above_p95 BIGINT, above_p99 BIGINT
WITH mine AS (
    SELECT
        id, process_group, status, duration_ns, memory_delta, timestamp, trace_id, span_id,
        timestamp < $split_ns AS earlier
    FROM calls
    WHERE {function_name} = $function AND ($in_group IS NULL OR process_group = $in_group)
),
{children_time},
sides AS (
    SELECT
        earlier, count(*) AS calls, count(*) FILTER (WHERE status = 'ERROR') AS errors, count(duration_ns) AS timed,
        count(memory_delta) AS measured,
        avg(duration_ns) AS mean_ns, stddev_samp(duration_ns) AS deviation_ns,
        quantile_cont(duration_ns, 0.5) AS p50_ns,
        quantile_cont(duration_ns, 0.95) AS p95_ns,
        quantile_cont(duration_ns, 0.99) AS p99_ns,
        min(duration_ns) AS min_ns, max(duration_ns) AS max_ns, sum(duration_ns) AS total_ns,
        sum(greatest(duration_ns - coalesce(covered_ns, 0), 0)) FILTER (WHERE duration_ns IS NOT NULL) AS self_ns,
        avg(memory_delta) AS memory_mean, stddev_samp(memory_delta) AS memory_deviation,
        quantile_cont(memory_delta, 0.95) AS memory_p95,
        list_sort(coalesce(list(DISTINCT process_group) FILTER (WHERE process_group IS NOT NULL), [])) AS process_groups
    FROM mine
    LEFT JOIN covered ON covered.parent_id = mine.id
    GROUP BY earlier
),
beyond AS (
    SELECT
        mine.earlier,
        count(*) FILTER (WHERE duration_ns > other.p50_ns) AS above_p50,
        count(*) FILTER (WHERE duration_ns > other.p95_ns) AS above_p95,
        count(*) FILTER (WHERE duration_ns > other.p99_ns) AS above_p99
    FROM mine
    JOIN sides AS other ON other.earlier <> mine.earlier
    GROUP BY mine.earlier
)
SELECT
    sides.earlier, calls, errors, timed, measured, mean_ns / 1e6 AS mean_ms, deviation_ns / 1e6 AS deviation_ms,
    p50_ns / 1e6 AS p50_ms, p95_ns / 1e6 AS p95_ms, p99_ns / 1e6 AS p99_ms, min_ns / 1e6 AS min_ms,
    max_ns / 1e6 AS max_ms, total_ns / 1e6 AS total_ms, self_ns / 1e6 AS self_ms, memory_mean, memory_deviation,
    memory_p95::DOUBLE AS memory_p95, process_groups,
    coalesce(above_p50, 0) AS above_p50, coalesce(above_p95, 0) AS above_p95, coalesce(above_p99, 0) AS above_p99
FROM sides
LEFT JOIN beyond ON beyond.earlier = sides.earlier
ORDER BY sides.earlier DESC

-- Rollup
WITH mine AS NOT MATERIALIZED (
    SELECT * FROM measures
    WHERE {function_name} = $function AND ($in_group IS NULL OR process_group = $in_group)
),
{sketches(mine by earlier)},
sides AS (
    SELECT
        earlier, sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors, sum(timed)::BIGINT AS timed,
        sum(measured)::BIGINT AS measured, sum(sum_ns) AS total_ns, sum(sum_ns) / nullif(sum(timed), 0) AS mean_ns,
        min(min_ns) AS min_ns, max(max_ns) AS max_ns, sum(self_ns) AS self_ns,
        sum(memory) / nullif(sum(measured), 0) AS memory_mean,
        list_sort(coalesce(list(DISTINCT process_group) FILTER (WHERE process_group IS NOT NULL), [])) AS process_groups
    FROM mine
    GROUP BY earlier
    HAVING sum(calls) > 0
),
deviations AS (
    SELECT
        earlier,
        sqrt(sum(m2 + slices.calls * power(sum_ns / slices.calls - mean_ns, 2)) / nullif(sum(slices.calls) - 1, 0))
            AS deviation_ns
    FROM duration_slices AS slices
    JOIN sides USING (earlier)
    WHERE {slices.function_name} = $function AND ($in_group IS NULL OR process_group = $in_group)
    GROUP BY earlier
),
buckets_of_memory AS NOT MATERIALIZED (
    SELECT * FROM memory_buckets
    WHERE {function_name} = $function AND ($in_group IS NULL OR process_group = $in_group)
),
memory_deviations AS (
    SELECT
        earlier, sqrt(sum(m2 + n * power(memory / n - memory_mean, 2)) / nullif(sum(n) - 1, 0)) AS memory_deviation
    FROM buckets_of_memory
    JOIN sides USING (earlier)
    GROUP BY earlier
),
memory_percentiles AS (
    SELECT earlier, {percentile(0.95)} AS memory_p95
    FROM (
        SELECT
            earlier, {memory_value} AS value_ns, sum(n) OVER (PARTITION BY earlier ORDER BY key) AS up_to,
            sum(n) OVER (PARTITION BY earlier) AS total
        FROM (SELECT earlier, key, sum(n) AS n FROM buckets_of_memory GROUP BY earlier, key)
    )
    GROUP BY earlier
),
limits AS (
    -- The percentiles of each side, their buckets, and the share of the calls in this bucket that are above them.
    SELECT
        earlier, share, {percentile(share)} AS limit_ns,
        min(key) FILTER (up_to > floor(share * (total - 1))) AS key,
        (min(up_to) FILTER (up_to > floor(share * (total - 1))) - 1 - any_value(floor(share * (total - 1))))
            / arg_min(n, key) FILTER (up_to > floor(share * (total - 1))) AS above
    FROM ranked
    CROSS JOIN (SELECT unnest([0.5, 0.95, 0.99]::DOUBLE[]) AS share)
    GROUP BY earlier, share
),
percentiles AS (
    SELECT
        earlier, max(limit_ns) FILTER (share = 0.5) AS p50_ns, max(limit_ns) FILTER (share = 0.95) AS p95_ns,
        max(limit_ns) FILTER (share = 0.99) AS p99_ns
    FROM limits
    GROUP BY earlier
),
beyond AS (
    SELECT
        earlier, max(above) FILTER (share = 0.5) AS above_p50, max(above) FILTER (share = 0.95) AS above_p95,
        max(above) FILTER (share = 0.99) AS above_p99
    FROM (
        SELECT
            ranked.earlier, share,
            round(sum(CASE WHEN ranked.key > other.key THEN n WHEN ranked.key = other.key THEN n * above ELSE 0 END))::BIGINT
                AS above
        FROM ranked
        JOIN limits AS other ON other.earlier <> ranked.earlier
        GROUP BY ALL
    )
    GROUP BY earlier
)
SELECT
    sides.earlier, calls, errors, timed, measured, mean_ns / 1e6 AS mean_ms, deviation_ns / 1e6 AS deviation_ms,
    p50_ns / 1e6 AS p50_ms, p95_ns / 1e6 AS p95_ms, p99_ns / 1e6 AS p99_ms, min_ns / 1e6 AS min_ms,
    max_ns / 1e6 AS max_ms, total_ns / 1e6 AS total_ms, self_ns / 1e6 AS self_ms, memory_mean, memory_deviation,
    memory_p95, process_groups,
    coalesce(above_p50, 0) AS above_p50, coalesce(above_p95, 0) AS above_p95, coalesce(above_p99, 0) AS above_p99
FROM sides
LEFT JOIN deviations USING (earlier)
LEFT JOIN memory_deviations USING (earlier)
LEFT JOIN memory_percentiles USING (earlier)
LEFT JOIN percentiles USING (earlier)
LEFT JOIN beyond USING (earlier)
ORDER BY sides.earlier DESC
