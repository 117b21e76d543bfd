-- Answers: the distribution of one function's durations, ten buckets per power of ten, with the slowest call of each.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), function VARCHAR
-- Reads: calls(id, function, data, status, duration_ns)
-- Returns: from_ms DOUBLE, to_ms DOUBLE, calls BIGINT, errors BIGINT, slowest_id BIGINT,
--   slowest_ms DOUBLE
SELECT
    10 ** (slice / 10) / 1e6 AS from_ms,
    10 ** ((slice + 1) / 10) / 1e6 AS to_ms,
    count(*) AS calls,
    count(*) FILTER (WHERE status = 'ERROR') AS errors,
    arg_max(id, (duration_ns, id)) AS slowest_id,
    max(duration_ns) / 1e6 AS slowest_ms
FROM (
    SELECT *, floor(10 * log10(greatest(duration_ns, 1)))::INTEGER AS slice
    FROM calls
    WHERE duration_ns IS NOT NULL AND {function_name} = $function
)
GROUP BY slice
ORDER BY slice

-- Rollup
SELECT
    10 ** (slice / 10) / 1e6 AS from_ms, 10 ** ((slice + 1) / 10) / 1e6 AS to_ms, sum(calls)::BIGINT AS calls,
    sum(errors)::BIGINT AS errors, struct_extract(max(slowest), 'id') AS slowest_id,
    struct_extract(max(slowest), 'ns') / 1e6 AS slowest_ms
FROM duration_slices
WHERE {function_name} = $function
GROUP BY slice
ORDER BY slice
