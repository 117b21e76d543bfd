-- Answers: the functions that this one called, and the calls, errors and durations of them.
-- Reach: analytical
-- Parameters: group VARCHAR (null: all), function VARCHAR
-- Reads: calls(trace_id, span_id, parent_span_id, function, data, status, duration_ns)
-- Returns: function VARCHAR, calls BIGINT, errors BIGINT, p95_ms DOUBLE, total_ms DOUBLE
SELECT
    {callee.function_name} AS function,
    count(*) AS calls,
    count(*) FILTER (WHERE callee.status = 'ERROR') AS errors,
    quantile_cont(callee.duration_ns, 0.95) / 1e6 AS p95_ms,
    sum(callee.duration_ns) / 1e6 AS total_ms
FROM calls AS callee
JOIN calls AS caller ON caller.trace_id = callee.trace_id AND caller.span_id = callee.parent_span_id
WHERE {caller.function_name} = $function
GROUP BY ALL
ORDER BY total_ms DESC, function
LIMIT 50
