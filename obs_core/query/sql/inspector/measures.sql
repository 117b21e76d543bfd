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
